package dialect

import "time"

// Veeam Availability Console 3, after "Getting Authorization Tokens" and
// "Authentication" of its REST API reference 3.0 (archive). The shape is that
// of an OWIN OAuth server: opaque tokens, expires_in one second short.
var vac = Dialect{
	ID:     "vac",
	Name:   "Veeam Availability Console",
	Short:  "Availability Console 3",
	Title:  "Veeam.Portal.WebAPI",
	About:  "Veeam Availability Console 3. Get a pair of tokens, use it, refresh it, log out.",
	Port:   1281,
	Source: "Getting Authorization Tokens, Veeam Availability Console 3.0 RESTful API",
	Ritual: Classic,
	Versions: Versions{
		All:     []Version{{ID: "v2", Note: "the only one"}},
		Default: "v2",
	},
	Groups: []Group{
		{Name: "Accounts", About: "Sign in, refresh, log out"},
		{Name: "Tenants", About: "The protected call behind Explore"},
		{Name: "Jobs", About: "What is backed up"},
		{Name: "BackupRepositories", About: "Where backups are kept"},
		{Name: "BackupServers", About: "Which servers back up"},
		{Name: "Users", About: "Who may sign in"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Accounts", Method: "POST", Path: "/token",
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "Use an account with Portal Administrator privileges.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "password for the first pair, refresh_token for the next one."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Name: "password (default)", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "Account name", Required: true, Help: `The form vac\administrator works too.`},
						{Term: Password, Wire: "password", As: Text, Label: "Account password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair when the access token has expired.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The token that you saved."},
					},
				},
			},
			Status: 200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Accounts", Method: "POST", Path: "/accounts/logout",
			// All other resources carry /v2 and the page names this one without.
			Also:    []string{"/v2/accounts/logout"},
			Summary: "End the session when you finish working",
			Help:    "Sends the access token and nothing else.",
			Status:  200, Body: `"You have been logged out."`,
			Basis: Documented, Reason: "The sentence is documented. That it is a JSON string is the sandbox's choice.",
		},
		{
			Purpose: Explore, Group: "Tenants", Method: "GET", Path: "/v2/tenants",
			Summary: "List the tenants", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vacTenants, Basis: Documented, Reason: "Companies, reference 3.0, without some members.",
		},
	}, vacCalls...),
	SecondFactor: Ignores,
	Domain:       "vac",
	AdminRole:    "Portal Administrator",
	OperatorRole: "Portal Operator",
	// 235 characters in the documented sample.
	// The description declares no more than this box.
	Authorize: Authorize{Scheme: "api_key"},
	Access:    Token{Opaque: 235, Basis: Documented},
	Refresh:   Token{Opaque: 235, Basis: Choice},
	Lifetimes: Lifetimes{
		Access: time.Hour, Reported: time.Hour - time.Second,
		Refresh: 14 * 24 * time.Hour, RefreshBasis: Choice,
		Note: "The access token lives 1 hour. How long the refresh token lives is not documented; the sandbox gives it 14 days, as its relatives do.",
	},
	Refusals: []Refusal{
		{Fault: BadCredentials, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The user name or password is incorrect."}, Basis: Choice, Reason: "The form is that of OWIN OAuth servers and of the successor's API."},
		{Fault: LockedOut, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The account is locked out."}, Basis: Choice, Reason: "Lock-out is not documented."},
		{Fault: SpentRefreshToken, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token has been used already."}, Basis: Choice, Reason: "OWIN refresh tokens are used once by common practice."},
		{Fault: ExpiredRefresh, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token has expired."}, Basis: Choice, Reason: "Not documented."},
		{Fault: RevokedToken, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "Not documented."},
		{Fault: BadRefreshToken, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token is not valid."}, Basis: Choice, Reason: "Not documented."},
		{Fault: UnknownGrant, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "unsupported_grant_type"}, Basis: Choice, Reason: "The answer of OWIN OAuth servers."},
		{Fault: MissingField, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "A required parameter is missing."}, Basis: Choice, Reason: "The answer of OWIN OAuth servers."},
		{Fault: BadMediaType, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "The body must be a form."}, Basis: Choice, Reason: "Strict mode only."},
		{Fault: NoToken, Status: 401, Shape: vacMessage, Says: Values{ErrorDetail: "Authorization has been denied for this request."}, Header: Pairs{{"WWW-Authenticate", "Bearer"}}, Basis: Choice, Reason: "The sentence of ASP.NET Web API."},
		{Fault: BadToken, Status: 401, Shape: vacMessage, Says: Values{ErrorDetail: "Authorization has been denied for this request."}, Header: Pairs{{"WWW-Authenticate", "Bearer"}}, Basis: Choice, Reason: "The sentence of ASP.NET Web API."},
		{Fault: ExpiredToken, Status: 401, Shape: vacMessage, Says: Values{ErrorDetail: "Authorization has been denied for this request."}, Header: Pairs{{"WWW-Authenticate", "Bearer"}}, Basis: Choice, Reason: "The sentence of ASP.NET Web API."},
		{Fault: RevokedToken, Status: 401, Shape: vacMessage, Says: Values{ErrorDetail: "Authorization has been denied for this request."}, Header: Pairs{{"WWW-Authenticate", "Bearer"}}, Basis: Choice, Reason: "The sentence of ASP.NET Web API."},
		{Fault: TooFewRights, Status: 403, Shape: vacMessage, Says: Values{ErrorDetail: "You do not have sufficient rights for this operation."}, Basis: Choice, Reason: "Not documented."},
		{Fault: NotFound, Status: 404, Shape: vacMessage, Says: Values{ErrorDetail: "No HTTP resource was found that matches the request."}, Basis: Choice, Reason: "The sentence of ASP.NET Web API, without the address."},
		{Fault: BadMethod, Status: 405, Shape: vacMessage, Says: Values{ErrorDetail: "The requested resource does not support this method."}, Basis: Choice, Reason: "The sentence of ASP.NET Web API, without the method."},
		{Fault: ServerFault, Status: 500, Shape: vacMessage, Says: Values{ErrorDetail: "An error has occurred."}, Basis: Choice, Reason: "The sentence of ASP.NET Web API."},
	},
	Procedure: []Step{
		{Text: "On the Veeam.Portal.WebAPI page, expand the Accounts resource and click POST /token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the grant_type drop-down list, make sure that password (default) is selected.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the username and password fields, specify the credentials of a Portal Administrator, and click Try it out.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save the refresh token locally for further use.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Make sure that the access key is automatically inserted in the api_key field at the top of the page.", Proof: ProofFilled, Shows: Explore},
		{Text: "To validate the access token, click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, click POST /token again, select refresh_token in the grant_type drop-down list, insert the refresh token saved locally, and click Try it out.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, expand the Accounts resource, click POST /accounts/logout, and click Try it out.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"The tokens are opaque: they carry nothing that can be read.",
		"/token stands at the root, not under /v2 like all other resources.",
		"Two clients with the same account may log each other out. Use one account for each client.",
	},
}

var (
	vacOAuthError = []Field{
		{Term: ErrorCode, Wire: "error", As: Text},
		{Term: ErrorDetail, Wire: "error_description", As: Text},
	}
	vacMessage = []Field{{Term: ErrorDetail, Wire: "message", As: Text, Also: []string{"Message"}}}
)
