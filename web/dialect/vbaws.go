package dialect

import "time"

// Veeam Backup for AWS 2 to 9, after "Requesting Authorization" and "Using
// Refresh Token" of its REST API reference and the published specification of
// 1.0-rev0. Its sample tokens are those of another product, so they prove
// nothing about its claims.
var vbaws = Dialect{
	ID:     "vbaws",
	Name:   "Veeam Backup for AWS",
	Short:  "Backup for AWS",
	Title:  "Veeam Backup for AWS public API 1.0",
	About:  "Port 11005. Every call carries x-api-version; a refusal links to a page of the appliance.",
	Port:   11005,
	Source: "Requesting Authorization and Using Refresh Token, Veeam Backup for AWS REST API",
	Ritual: Modern,
	Versions: Versions{
		Header: "x-api-version",
		All: []Version{
			{"1.0-rev0", "product 2"},
			{"1.1-rev0", "up to product 5"},
			{"1.2-rev0", "up to product 5"},
			{"1.3-rev0", "product 5"},
			{"1.4-rev0", "product 6a"},
			{"1.5-rev0", "product 7"},
			{"1.5-rev1", "product 7"},
			{"1.6-rev0", "product 8"},
			{"1.7-rev0", "product 9"},
			{"1.8-rev0", "product 9"},
		},
		Default: "1.7-rev0",
	},
	Groups: []Group{
		{Name: "Token", About: "Sign in, second factor, refresh, log out"},
		{Name: "System", About: "The protected call behind Explore"},
		{Name: "Policies", About: "What is backed up"},
		{Name: "Repositories", About: "Where backups are kept"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Token", Method: "POST", Path: "/api/v1/token",
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "With multi-factor authentication the first answer carries an MFA token instead of a pair: send it back with the code.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "Authentication grant type."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: "An account of the backup appliance."},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair in case the access token expires or becomes lost.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The previously saved refresh token."},
					},
				},
				{
					Kind: MFAGrant, Wire: "mfa", Help: "Finish a sign-in with the code of the second factor.",
					Takes: []Field{
						{Term: MFAToken, Wire: "mfa_token", As: Text, Label: "MFA token", Required: true, Secret: true, Help: "The one that the first answer carried."},
						{Term: MFACode, Wire: "mfa_code", As: Text, Label: "Verification code", Required: true, Secret: true, Help: "Six digits from the authenticator."},
					},
				},
				{
					Kind: CodeGrant, Wire: "authorization_code", Help: "Sign in with a one-time code that a signed-in client asked for.",
					Takes: []Field{
						{Term: AuthorizationCode, Wire: "code", As: Text, Label: "Authorization code", Required: true, Secret: true, Help: "Good for a minute."},
					},
				},
			},
			Status: 200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				// A published client of 1.0-rev0 cannot read a zone, those of
				// later revisions need one.
				{Term: IssuedAt, Wire: ".issued", As: TimeBare, Until: "1.0-rev0"},
				{Term: ExpiresAt, Wire: ".expires", As: TimeBare, Until: "1.0-rev0"},
				{Term: IssuedAt, Wire: ".issued", As: TimeZulu, Since: "1.1-rev0"},
				{Term: ExpiresAt, Wire: ".expires", As: TimeZulu, Since: "1.1-rev0"},
				{Term: Username, Wire: "username", As: Text},
				{Term: Role, Wire: "roleName", As: Text},
				{Term: MFAEnabled, Wire: "mfa_enabled", As: Boolean},
				{Term: MFAToken, Wire: "mfa_token", As: Text, Secret: true},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Token", Method: "DELETE", Path: "/api/v1/token",
			Summary: "Log out",
			Help:    "Sends the access token to the token path with DELETE. The answer has no body.",
			Status:  204, Basis: Documented,
		},
		{
			Purpose: Explore, Group: "System", Method: "GET", Path: "/api/v1/system/version",
			Summary: "Get the version of the appliance", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vbawsVersion, Basis: Documented,
		},
	}, vbawsCalls...),
	SecondFactor: Challenges,
	AdminRole:    "Portal Administrator",
	OperatorRole: "Portal Operator",
	Authorize:    Authorize{Word: true},
	Access:       Token{Alg: "RS512", KeyID: true, Audience: "access", Basis: Choice, Claims: vbr.Access.Claims},
	Refresh:      Token{Alg: "RS512", KeyID: true, Audience: "refresh", Basis: Choice, Claims: vbr.Refresh.Claims},
	Lifetimes: Lifetimes{
		Access: time.Hour, Refresh: 2 * time.Hour, Code: time.Minute,
		RefreshBasis: Documented,
		Note:         "The access token lives 1 hour, the refresh token 2 hours. An administrator can change both.",
	},
	Refusals: vbawsRefusals("The members and the names of the problems are specified; which status and text goes with which is not."),
	Procedure: []Step{
		{Text: "Expand the Token resource and click POST /api/v1/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "From the grant_type drop-down list, select password; specify username and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "If MFA is enabled for the user: select mfa, and send the MFA token of the answer with the code of the authenticator.", Proof: ProofMFA, Optional: true, Shows: Obtain, Grant: MFAGrant},
		{Text: "Save the access and the refresh token locally for further use.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select refresh_token, send the refresh token saved locally, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out with DELETE /api/v1/token.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"Every call, the token call too, carries x-api-version.",
		"The refresh token lives only one hour longer than the access token.",
		"A sign-in that needs a second factor answers 200 with an mfa_token and without an access token.",
		"At 1.0-rev0 the dates of the answer have no zone; they are in UTC.",
	},
}

// vbawsRefusals links every problem to its page. A sibling words its own the
// same way, for a reason of its own.
func vbawsRefusals(reason string) []Refusal {
	problem := func(f Fault, on Purpose, status int, page, title, code, details string) Refusal {
		return Refusal{Fault: f, On: on, Status: status, Type: problemType, Shape: vbawsProblem, Basis: Choice, Reason: reason,
			Says: Values{ErrorType: "/api/v1/problems/" + page, ErrorTitle: title, ErrorCode: code, ErrorDetail: details}}
	}
	return []Refusal{
		problem(BadCredentials, Obtain, 401, "accessDenied", "Access denied", "AccessDenied", "Invalid user name or password."),
		problem(LockedOut, Obtain, 401, "accessDenied", "Access denied", "AccessDenied", "The account is locked."),
		problem(BadMFACode, Obtain, 401, "accessDenied", "Access denied", "AccessDenied", "The verification code is not valid."),
		problem(BadMFAToken, Obtain, 401, "accessDenied", "Access denied", "AccessDenied", "The MFA token is not valid or has expired."),
		problem(BadCode, Obtain, 401, "accessDenied", "Access denied", "AccessDenied", "The authorization code is not valid."),
		problem(SpentRefreshToken, Obtain, 401, "invalidAccessToken", "Invalid token", "InvalidToken", "The refresh token has been used already."),
		problem(RevokedToken, Obtain, 401, "invalidAccessToken", "Invalid token", "InvalidToken", "The session has been ended."),
		problem(BadRefreshToken, Obtain, 401, "invalidAccessToken", "Invalid token", "InvalidToken", "The refresh token is not valid."),
		problem(ExpiredRefresh, Obtain, 401, "expiredAccessToken", "Expired token", "ExpiredToken", "The refresh token has expired."),
		problem(UnknownGrant, Obtain, 400, "validationError", "Validation error", "UnexpectedContent", "The grant type is not supported."),
		problem(MissingField, Obtain, 400, "validationError", "Validation error", "UnexpectedContent", "A required field is missing."),
		problem(BadMediaType, Obtain, 400, "validationError", "Validation error", "UnexpectedContent", "The body must be a form."),
		problem(UnsupportedVersion, "", 400, "unsupportedApiVersion", "Unsupported API version", "NotImplemented", "The following versions are supported: ${versions}."),
		problem(MissingVersion, "", 400, "apiVersionUnspecified", "API version is not specified", "NotImplemented", "Specify the version in the x-api-version header."),
		problem(NoToken, "", 401, "noAccessToken", "No access token", "AccessDenied", "The request has no access token."),
		problem(BadToken, "", 401, "invalidAccessToken", "Invalid access token", "InvalidToken", "The access token is not valid."),
		problem(RevokedToken, "", 401, "invalidAccessToken", "Invalid access token", "InvalidToken", "The session has been ended."),
		problem(ExpiredToken, "", 401, "expiredAccessToken", "Expired access token", "ExpiredToken", "The access token has expired."),
		problem(TooFewRights, "", 403, "accessDenied", "Access denied", "AccessDenied", "The account has too few rights."),
		problem(NotFound, "", 404, "resourceNotFound", "Resource not found", "NotFound", "The resource does not exist."),
		problem(BadMethod, "", 405, "unknownError", "Method not allowed", "MethodNotAllowed", "The resource does not support this method."),
		problem(ServerFault, "", 500, "unknownError", "Unknown error", "UnknownError", "An unknown error occurred."),
	}
}

// The text is called details here, and detail in RFC 9457.
var vbawsProblem = []Field{
	{Term: ErrorType, Wire: "type", As: Text},
	{Term: ErrorTitle, Wire: "title", As: Text},
	{Term: ErrorStatus, Wire: "status", As: Integer},
	{Term: ErrorCode, Wire: "errorCode", As: Text},
	{Term: ErrorDetail, Wire: "details", As: Text},
}
