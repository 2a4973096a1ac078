package dialect

import "time"

// Veeam Backup for Microsoft 365, versions 6 to 8, after "Authorization for
// Veeam Backup for Microsoft 365 Administrators" and the published
// specifications of the three versions.
var vb365 = Dialect{
	ID:     "vb365",
	Name:   "Veeam Backup for Microsoft 365",
	Short:  "Backup for Microsoft 365",
	Title:  "Veeam Backup for Microsoft 365 REST API",
	About:  "Port 4443. The token path carries the version; the body is a form or JSON; a cookie guards the pair.",
	Port:   4443,
	Source: "Authorization for Administrators, Veeam Backup for Microsoft 365 REST API",
	Ritual: Modern,
	Versions: Versions{
		All:     []Version{{"v6", "product 6"}, {"v7", "product 7"}, {"v8", "product 8"}},
		Default: "v8",
	},
	Groups: []Group{
		{Name: "Auth", About: "Sign in, refresh, log out"},
		{Name: "ServiceInstance", About: "The protected call behind Explore"},
		{Name: "Organization", About: "Whose data is backed up"},
		{Name: "Job", About: "What is backed up"},
		{Name: "Proxy", About: "Which servers back up"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Auth", Method: "POST", Path: "/{version}/token",
			Summary:    "Request authorization tokens",
			Help:       "Besides the pair, the server sets an antiforgery cookie that must come back with it, unless disable_antiforgery_token is true.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "Specifies a grant type that will be used to authenticate a user."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: "An administrator of the backup server."},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vb365Bare,
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair in case the access token expires.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The one that you saved."},
						vb365Bare,
					},
				},
				{
					Kind: AssertionGrant, Wire: "urn:ietf:params:oauth:grant-type:jwt-bearer", Name: "jwt-bearer", Help: "Sign in with what Microsoft says about you. The sandbox believes assertions of its own key.",
					Takes: []Field{vb365Client, vb365Assertion, vb365Bare},
				},
				{
					Kind: OperatorGrant, Wire: "operator", Help: "Sign a restore operator in with an assertion. The sandbox believes assertions of its own key.",
					Takes: []Field{vb365Client, vb365Assertion, vb365Bare},
				},
				{
					Kind: ComponentGrant, Wire: "integration", Help: "For integrations that hold a token of another component, up to version 7. The sandbox knows no such token and refuses it.", Until: "v7",
					Takes: []Field{
						{Term: ComponentToken, Wire: "integration_token", As: Text, Label: "Integration token", Required: true, Secret: true, Help: "A token that another component issued."},
						vb365Bare,
					},
				},
			},
			Encodings: []Encoding{Form, JSON},
			Status:    200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				{Term: Username, Wire: "userName", As: Text},
				{Term: IssuedAt, Wire: ".issued", As: TimeZulu},
				{Term: ExpiresAt, Wire: ".expires", As: TimeZulu},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Auth", Method: "POST", Path: "/{version}/token/logout", Since: "v7",
			Summary: "Log out",
			Help:    "Sends the access token and nothing else. Version 6 has no such call.",
			Status:  204, Older: []OlderBody{{Until: "v7", Status: 200}}, Basis: Documented,
		},
		{
			Purpose: Explore, Group: "ServiceInstance", Method: "GET", Path: "/{version}/ServiceInstance",
			Summary: "Get version and installation ID", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vb365Instance, Basis: Documented,
		},
	}, vb365Calls...),
	SecondFactor: Ignores,
	AdminRole:    "Administrator",
	OperatorRole: "RestoreOperator",
	Access:       Token{Alg: "RS256", KeyID: true, Audience: "access", Basis: Choice, Claims: vb365Claims},
	Refresh:      Token{Alg: "RS256", KeyID: true, Audience: "refresh", Basis: Choice, Claims: vb365Claims},
	Lifetimes: Lifetimes{
		Access: time.Hour, Refresh: 14 * 24 * time.Hour, Code: 5 * time.Minute,
		RefreshBasis: Choice, CodeBasis: Choice,
		Note: "The access token lives 60 minutes by default. How long the refresh token and a one-time code live is not documented; the sandbox gives them 14 days and 5 minutes, as its relatives do.",
	},
	Antiforgery: Antiforgery{Cookie: "XSRF-TOKEN", Header: "X-XSRF-TOKEN", Since: "v7", Basis: Choice,
		Reason: "That the token travels in a cookie is documented, its name is not. Only strict worlds insist on it: public clients send none back."},
	Refusals: []Refusal{
		vb365Refusal(BadCredentials, Obtain, 401, "ResourceAccessDenied", "Incorrect user name or password."),
		vb365Refusal(LockedOut, Obtain, 401, "ResourceAccessDenied", "The account is locked."),
		vb365Refusal(BadAssertion, Obtain, 401, "ResourceAccessDenied", "The assertion is not valid."),
		vb365Refusal(SpentRefreshToken, Obtain, 401, "ResourceAccessDenied", "The refresh token has been used already."),
		vb365Refusal(ExpiredRefresh, Obtain, 401, "ResourceAccessDenied", "The refresh token has expired."),
		vb365Refusal(RevokedToken, Obtain, 401, "ResourceAccessDenied", "The session has been ended."),
		vb365Refusal(BadRefreshToken, Obtain, 401, "ResourceAccessDenied", "The refresh token is not valid."),
		vb365Refusal(UnknownGrant, Obtain, 400, "ParameterValidationFailure", "The grant type is not supported."),
		vb365Refusal(MissingField, Obtain, 400, "ParameterValidationFailure", "A required parameter is missing."),
		vb365Refusal(BadMediaType, Obtain, 400, "ParameterValidationFailure", "The body must be a form or JSON."),
		vb365Refusal(NoToken, "", 401, "ResourceAccessDenied", "Authorization has been denied for this request."),
		vb365Refusal(BadToken, "", 401, "ResourceAccessDenied", "The access token is not valid."),
		vb365Refusal(RevokedToken, "", 401, "ResourceAccessDenied", "The session has been ended."),
		vb365Refusal(ExpiredToken, "", 401, "ResourceAccessDenied", "The access token has expired."),
		vb365Refusal(TooFewRights, "", 403, "ResourceAccessDenied", "The account has too few rights."),
		vb365Refusal(NotFound, "", 404, "ResourceNotFound", "The resource was not found."),
		vb365Refusal(BadMethod, "", 405, "HttpError", "The resource does not support this method."),
		vb365Refusal(ServerFault, "", 500, "HttpError", "An error has occurred."),
		// Last: no refusal of a server is to be taken for one of these.
		vb365Refusal(MissingAntiforgery, Obtain, 401, "ResourceAccessDenied", "The antiforgery token is missing or not valid."),
		vb365Refusal(MissingAntiforgery, "", 401, "ResourceAccessDenied", "The antiforgery token is missing or not valid."),
	},
	Procedure: []Step{
		{Text: "Expand the Auth resource and click POST /v8/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Select password in the grant_type list; specify username and password, set disable_antiforgery_token to true, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save the refresh token locally.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "In case the access token expires, select refresh_token, send the refresh token, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out with POST /v8/token/logout.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"The version is part of the token path: /v6/token, /v7/token, /v8/token.",
		"From version 7 on the pair comes with an antiforgery cookie, which calls and refreshes need. A program outside a browser sends disable_antiforgery_token=true.",
		"Version 6 has no log-out call; version 7 answers it with 200, version 8 with 204.",
		"Swagger UI is off by default in version 8: switch it on in the server's REST API settings.",
	},
}

func vb365Refusal(f Fault, on Purpose, status int, code, text string) Refusal {
	return Refusal{Fault: f, On: on, Status: status, Shape: vb365Error, Says: Values{ErrorCode: code, ErrorDetail: text},
		Basis: Choice, Reason: "The members and the codes are specified for every refusal; its status and text are not."}
}

var (
	vb365Bare      = Field{Term: NoAntiforgery, Wire: "disable_antiforgery_token", As: Boolean, Label: "Without antiforgery token", Default: "false", Help: "true: no cookie is needed beside the pair.", Since: "v7"}
	vb365Client    = Field{Term: ClientID, Wire: "client_id", As: Text, Label: "Application ID", Required: true, Help: "An application ID, or userId.tenantId."}
	vb365Assertion = Field{Term: Assertion, Wire: "assertion", As: Text, Label: "Assertion", Required: true, Secret: true, Help: "A signed statement about who signs in."}

	vb365Claims = []Field{
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: PairID, Wire: "jti", As: UUID},
		{Term: NoAntiforgery, Wire: "disable_antiforgery_token", As: Boolean},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Audience, Wire: "aud", As: Text},
	}

	vb365Error = []Field{
		{Term: ErrorDetail, Wire: "message", As: Text},
		{Term: ErrorCode, Wire: "errorCode", As: Text, Since: "v7"},
		{Term: ErrorStack, Wire: "stackTrace", As: Null, Since: "v8"},
	}
)
