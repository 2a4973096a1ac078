package dialect

import "time"

// Veeam Recovery Orchestrator 7.1 to 13.1, after "Authorization and Security"
// and "Authorization Examples" of its REST API reference. No document that was
// found names the members of an answer or the call that logs out.
var vro = Dialect{
	ID:     "vro",
	Name:   "Veeam Recovery Orchestrator",
	Short:  "Recovery Orchestrator",
	Title:  "Veeam Recovery Orchestrator REST API 7.2",
	About:  "Port 9898. People sign in with a password, applications with credentials that a person made for them.",
	Port:   9898,
	Source: "Authorization Examples, Veeam Recovery Orchestrator REST API",
	Ritual: Modern,
	Versions: Versions{
		All: []Version{
			{"v7.1", "product 7.1"}, {"v7.2", "product 7.2"}, {"v7.21", "product 7.2.1"}, {"v13", "product 13"}, {"v13.1", "product 13.1"},
		},
		Default: "v7.21",
	},
	Groups: []Group{
		{Name: "Token", About: "Sign in, refresh, log out"},
		{Name: "Clients", About: "Accounts for applications"},
		{Name: "Plans", About: "The protected call behind Explore"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Token", Method: "POST", Path: "/api/token",
			// Earlier products.
			Also:       []string{"/token"},
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "Use an account with the Orchestrator Administrator, Plan Author or Plan Operator privileges.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Help: "password for people, client_credentials for applications."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: `In the DOMAIN\USERNAME or USERNAME format.`},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair if the access token expires or becomes lost.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The refresh token saved locally."},
					},
				},
				{
					Kind: ClientGrant, Wire: "client_credentials", Help: "Sign an application in with the credentials of a client account.",
					Takes: []Field{
						{Term: ClientID, Wire: "client_id", As: Text, Label: "Client ID", Required: true, Help: "The client ID saved locally."},
						{Term: ClientSecret, Wire: "client_secret", As: Text, Label: "Client secret", Required: true, Secret: true, Help: "The client secret saved locally."},
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
			Basis: Documented, Members: Choice, Reason: "An access token, its expiration time in seconds and a refresh token are documented, in this order; their names are those of OAuth 2.0.",
		},
		{
			Purpose: Logout, Group: "Token", Method: "DELETE", Path: "/api/token",
			Summary: "Log out",
			Help:    "The documents list this step without its call; DELETE on the token path is what the product's family does.",
			Status:  204, Basis: Choice, Reason: "Logging out is documented, its method, path and status are not.",
		},
		{
			Purpose: Explore, Group: "Plans", Method: "GET", Path: "/api/{version}/Plans",
			Summary: "Get a collection of plans", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vroPlans, Basis: Choice, Reason: "The members of a plan are documented for an earlier version; the page around them is the sandbox's own.",
		},
	}, vroCalls...),
	SecondFactor: Ignores,
	AdminRole:    "Orchestrator Administrator",
	OperatorRole: "Plan Operator",
	Access:       Token{Alg: "HS256", Audience: "access", Basis: Choice, Claims: vroClaims},
	Refresh:      Token{Alg: "HS256", Audience: "refresh", Basis: Choice, Claims: vroClaims},
	Lifetimes: Lifetimes{
		Access: 15 * time.Minute, Refresh: 14 * 24 * time.Hour, RefreshBasis: Choice,
		Note: "The access token lives 15 minutes by default. How long the refresh token lives is not documented; the sandbox gives it 14 days, as its relatives do.",
	},
	Refusals: []Refusal{
		vroTokenRefusal(BadCredentials, "invalid_grant", "The user name or password is incorrect."),
		vroTokenRefusal(LockedOut, "invalid_grant", "The account is locked out."),
		vroTokenRefusal(BadClient, "invalid_client", "The client ID or secret is incorrect."),
		vroTokenRefusal(SpentRefreshToken, "invalid_grant", "The refresh token has been used already."),
		vroTokenRefusal(ExpiredRefresh, "invalid_grant", "The refresh token has expired."),
		vroTokenRefusal(RevokedToken, "invalid_grant", "The session has been ended."),
		vroTokenRefusal(BadRefreshToken, "invalid_grant", "The refresh token is not valid."),
		vroTokenRefusal(UnknownGrant, "unsupported_grant_type", "The grant type is not supported."),
		vroTokenRefusal(MissingField, "invalid_request", "A required parameter is missing."),
		vroTokenRefusal(BadMediaType, "invalid_request", "The body must be a form."),
		vroRefusal(NoToken, 401, "The authorization header has been expected but not found."),
		vroRefusal(BadToken, 401, "The access token is not valid."),
		vroRefusal(RevokedToken, 401, "The session has been ended."),
		vroRefusal(ExpiredToken, 401, "The access token has expired."),
		vroRefusal(TooFewRights, 403, "You do not have sufficient rights for this operation."),
		vroRefusal(NotFound, 404, "The resource was not found."),
		vroRefusal(BadMethod, 405, "The resource does not support this method."),
		vroRefusal(ServerFault, 500, "Internal server error."),
	},
	Procedure: []Step{
		{Text: "On the Veeam Recovery Orchestrator REST API 7.2 page, expand the Token resource and click POST /api/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "From the grant_type drop-down list, select password; specify username and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save the refresh token locally for further use.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select refresh_token, insert the refresh token saved locally, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"An application has an account of its own: a person makes it with POST /Clients, and it signs in with client_credentials.",
		"Clients cannot create new client accounts.",
		"Two clients with the same account may log each other out. Make a client account for each application.",
	},
}

func vroTokenRefusal(f Fault, code, text string) Refusal {
	return Refusal{Fault: f, On: Obtain, Status: 400, Shape: vacOAuthError, Says: Values{ErrorCode: code, ErrorDetail: text},
		Basis: Choice, Reason: "No document shows a refusal. The form is that of OAuth 2.0."}
}

func vroRefusal(f Fault, status int, text string) Refusal {
	return Refusal{Fault: f, Status: status, Shape: vacMessage, Says: Values{ErrorDetail: text},
		Basis: Choice, Reason: "Statuses 401 and 500 are declared; no body is."}
}

var vroClaims = []Field{
	{Term: Username, Wire: "unique_name", As: Text},
	{Term: ClientID, Wire: "client_id", As: Text},
	{Term: PairID, Wire: "jti", As: UUID},
	{Term: NotBefore, Wire: "nbf", As: TimeUnix},
	{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
	{Term: IssuedAt, Wire: "iat", As: TimeUnix},
	{Term: Audience, Wire: "aud", As: Text},
}
