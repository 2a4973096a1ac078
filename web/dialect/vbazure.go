package dialect

import "time"

// Veeam Backup for Microsoft Azure, after "Obtaining Token" of its REST API
// reference 1.0 (archive) and the published specification of 8.1. The token
// path is not versioned, and one product serves several versions, so the
// fields of 8.1 are taken to hold from v6, the oldest that it serves.
var vbazure = Dialect{
	ID:     "vbazure",
	Name:   "Veeam Backup for Microsoft Azure",
	Short:  "Backup for Microsoft Azure",
	Title:  "Veeam Backup for Microsoft Azure REST API",
	About:  "Port 443. Grant types begin with a capital; a second factor is half way, not an error.",
	Port:   443,
	Source: "Obtaining Token, Veeam Backup for Microsoft Azure 1.0 REST API",
	Ritual: Modern,
	Versions: Versions{
		Field: Field{Term: APIVersion, Wire: "api-version", As: Text, Label: "API version", Help: "Sets the API version. Optional; not sent for v1."},
		All: []Version{
			{"v1", "product 1.0"}, {"v2", "product 2"}, {"v3", "product 3"}, {"v4", "product 4"}, {"v5", "product 5"},
			{"v6", "product 6"}, {"v7", "product 7"}, {"v8", "product 8"}, {"v8.1", "product 8.1"},
		},
		Default: "v1",
	},
	Groups: []Group{
		{Name: "Login", About: "Sign in, second factor, refresh, log out"},
		{Name: "System", About: "The protected call behind Explore"},
		{Name: "AzureServiceAccount", About: "The accounts that the appliance works with"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Login", Method: "POST", Path: "/api/oauth2/token",
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "With multi-factor authentication the first answer carries an MFA token instead of a pair: send it back with the code.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Default: "Password", Help: "Sets the grant type."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "Password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "Username", As: Text, Label: "User name", Required: true, Help: "Sets the user name under which to authenticate on the target server."},
						{Term: Password, Wire: "Password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vbazureShort,
					},
				},
				{
					Kind: RefreshGrant, Wire: "Refresh_token", Help: "Get a new pair when the access token has expired.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "Sets the refresh token."},
						vbazureShort,
					},
				},
				{
					Kind: MFAGrant, Wire: "Mfa", Help: "Finish a sign-in with the code of the second factor.",
					Takes: []Field{
						{Term: MFAToken, Wire: "mfa_token", As: Text, Label: "MFA token", Required: true, Secret: true, Help: "Sets the MFA token: the one that the first answer carried."},
						{Term: MFACode, Wire: "mfa_code", As: Text, Label: "MFA code", Required: true, Secret: true, Help: "Sets the MFA code: six digits from the authenticator."},
						vbazureShort,
					},
				},
			},
			Status: 200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				{Term: IssuedAt, Wire: ".issued", As: TimeTicks},
				{Term: ExpiresAt, Wire: ".expires", As: TimeTicks},
				{Term: UserID, Wire: "userId", As: UUID, Since: "v6"},
				{Term: Username, Wire: "username", As: Text},
				{Term: Role, Wire: "roleName", As: Text},
				{Term: UserKind, Wire: "userType", As: Text, Since: "v6", Fixed: "Internal"},
				{Term: NewsShown, Wire: "latestNewsShown", As: Boolean, Since: "v6", Fixed: "true"},
				{Term: MFAEnabled, Wire: "mfa_enabled", As: Boolean},
				{Term: MFAToken, Wire: "mfa_token", As: Text, Secret: true},
				{Term: RedirectTo, Wire: "redirectTo", As: Text, Since: "v6"},
				{Term: ShortRefresh, Wire: "shortLived", As: Boolean, Since: "v6"},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Login", Method: "DELETE", Path: "/api/oauth2/token",
			Summary: "Log out",
			Help:    "Sends the access token to the token path with DELETE. The answer has no body.",
			Status:  204, Basis: Documented, Reason: "Specification 8.1; the pages of 1.0 do not show it.",
		},
		{
			Purpose: Explore, Group: "System", Method: "GET", Path: "/api/{version}/system/about",
			Summary: "Get information about the appliance", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vbazureAbout, Basis: Documented, Reason: "Specification 8.1.",
		},
	}, vbazureCalls...),
	SecondFactor: Challenges,
	AdminRole:    "PortalAdmin", OperatorRole: "PortalOperator",
	// 1.0 and 2.0 print Administrator and no other; 8.1 names the two above.
	// What lies between prints none.
	OlderRoles: []OlderRoles{{Until: "v8", Admin: "Administrator", Operator: "PortalOperator"}},
	Authorize:  Authorize{Word: true},
	Access: Token{Alg: "RS512", KeyID: true, Audience: "api/default/{installation}", Basis: Documented, Claims: []Field{
		{Term: PairID, Wire: "jti", As: UUID, Since: "v2"},
		{Term: UserID, Wire: "nameid", As: UUID, Since: "v2"},
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: Role, Wire: "role", As: Text, Since: "v2"},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Refresh: Token{Alg: "RS512", KeyID: true, Audience: "auth/refresh/{installation}", Basis: Documented, Claims: []Field{
		{Term: PairID, Wire: "jti", As: UUID, Since: "v2"},
		{Term: UserID, Wire: "nameid", As: UUID, Since: "v2"},
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: Role, Wire: "role", As: Text, Since: "v2"},
		{Term: PairID, Wire: "tokenId", As: UUID, Until: "v1"},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Lifetimes: Lifetimes{
		Access: time.Hour, Refresh: 14 * 24 * time.Hour, ShortRefresh: time.Hour,
		// .expires of the documented answer is 36 ms short of an hour after
		// .issued: the expiry is computed first.
		IssuedLate:   36 * time.Millisecond,
		RefreshBasis: Documented,
		Note:         "The access token lives 60 minutes, the refresh token 14 days. A short-lived one lives 60 minutes by the specification and 15 by the prose.",
	},
	Refusals: []Refusal{
		{Fault: BadCredentials, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "Invalid user name or password."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: LockedOut, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The account is locked."}, Basis: Choice, Reason: "Lock-out is not documented."},
		{Fault: BadMFACode, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The confirmation code is not valid."}, Basis: Choice, Reason: "400 and 401 are declared for the grant; the texts are not."},
		{Fault: BadMFAToken, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The MFA token is not valid or has expired."}, Basis: Choice, Reason: "400 and 401 are declared for the grant; the texts are not."},
		{Fault: SpentRefreshToken, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The refresh token has been used already."}, Basis: Choice, Reason: "A refresh gives a new pair; the fate of the old one is not documented."},
		{Fault: ExpiredRefresh, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The refresh token has expired."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: RevokedToken, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: BadRefreshToken, On: Obtain, Status: 401, Type: problemType, Shape: vbazureTokenProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The refresh token is not valid."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: UnknownGrant, On: Obtain, Status: 400, Type: problemType, Shape: vbazureBadRequest, Says: Values{ErrorType: problem400, ErrorTitle: "One or more validation errors occurred.", ErrorDetail: "The grant type is not supported."}, Basis: Choice, Reason: "400 and its members are declared; the texts are not."},
		{Fault: MissingField, On: Obtain, Status: 400, Type: problemType, Shape: vbazureBadRequest, Says: Values{ErrorType: problem400, ErrorTitle: "One or more validation errors occurred.", ErrorDetail: "A required field is missing."}, Basis: Choice, Reason: "400 and its members are declared; the texts are not."},
		{Fault: UnsupportedVersion, Status: 400, Type: problemType, Shape: vbazureBadRequest, Says: Values{ErrorType: problem400, ErrorTitle: "Unsupported API version", ErrorDetail: "The following versions are supported: ${versions}."}, Basis: Choice, Reason: "Not documented."},
		{Fault: BadMediaType, On: Obtain, Status: 415, Type: problemType, Shape: vbazureBadMedia, Says: Values{ErrorType: problem415, ErrorTitle: "Unsupported Media Type"}, Basis: Choice, Reason: "Declared for other calls. Strict mode only."},
		{Fault: NoToken, Status: 401, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The access token is missing."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: BadToken, Status: 401, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The access token is not valid."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: RevokedToken, Status: 401, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: ExpiredToken, Status: 401, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem401, ErrorTitle: "Unauthorized", ErrorDetail: "The access token has expired."}, Basis: Choice, Reason: "401 and its members are declared; the texts are not."},
		{Fault: TooFewRights, Status: 403, Type: problemType, Shape: vbazureForbidden, Says: Values{ErrorType: problem403, ErrorTitle: "Forbidden"}, Basis: Choice, Reason: "403 and its members are declared; the texts are not."},
		{Fault: NotFound, Status: 404, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem404, ErrorTitle: "Not Found"}, Basis: Choice, Reason: "ASP.NET's own answer."},
		{Fault: BadMethod, Status: 405, Header: Pairs{{"Allow", "DELETE, GET, POST"}}, Basis: Choice, Reason: "ASP.NET's own answer has no body."},
		{
			Fault: TooManyRequests, Status: 429, Type: problemType, Shape: []Field{
				{Term: ErrorTitle, Wire: "title", As: Text},
				{Term: ErrorStatus, Wire: "status", As: Integer},
				{Term: ErrorTrace, Wire: "traceId", As: Text},
				{Term: ErrorDetail, Wire: "detail", As: Text},
			},
			Says:  Values{ErrorTitle: "Too Many Requests", ErrorDetail: "Try again later."},
			Basis: Choice, Reason: "The members are declared for other calls; the texts are not.",
		},
		{Fault: ServerFault, Status: 500, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: problem500, ErrorTitle: "An error occurred while processing your request."}, Basis: Choice, Reason: "ASP.NET's own answer."},
	},
	Procedure: []Step{
		{Text: "Expand the Login resource and click POST /api/oauth2/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the grant_type list select Password; enter Username and Password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "With multi-factor authentication: select Mfa, send the MFA token of the answer with the code of the authenticator.", Proof: ProofMFA, Optional: true, Shows: Obtain, Grant: MFAGrant},
		{Text: "Save the refresh token.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select Refresh_token, send the refresh token, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out with DELETE /api/oauth2/token.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		".issued is stamped after .expires is computed, so the two are a few milliseconds short of an hour apart. Use expires_in.",
		"A sign-in that needs a second factor answers 200 with an mfa_token and without an access token.",
		"The document's example wraps the form in braces. Send it without.",
	},
}

const problemType = "application/problem+json"

// The type links of ASP.NET's problem details.
const (
	problem400 = "https://tools.ietf.org/html/rfc7231#section-6.5.1"
	problem401 = "https://tools.ietf.org/html/rfc7235#section-3.1"
	problem403 = "https://tools.ietf.org/html/rfc7231#section-6.5.3"
	problem404 = "https://tools.ietf.org/html/rfc7231#section-6.5.4"
	problem415 = "https://tools.ietf.org/html/rfc7231#section-6.5.13"
	problem500 = "https://tools.ietf.org/html/rfc7231#section-6.6.1"
)

var (
	vbazureShort = Field{Term: ShortRefresh, Wire: "short_lived_refresh_token", As: Boolean, Label: "Short-lived refresh token", Default: "false", Help: "true: the refresh token has a short life.", Since: "v6"}

	problemHead = []Field{
		{Term: ErrorType, Wire: "type", As: Text},
		{Term: ErrorTitle, Wire: "title", As: Text},
		{Term: ErrorStatus, Wire: "status", As: Integer},
	}
	problemDetail   = Field{Term: ErrorDetail, Wire: "detail", As: Text}
	problemInstance = Field{Term: ErrorInstance, Wire: "instance", As: Text}
	problemTrace    = Field{Term: ErrorTrace, Wire: "traceId", As: Text}

	vbazureTokenProblem = fields(problemHead, problemDetail, problemInstance, problemTrace)
	vbazureBadRequest   = fields(problemHead, problemDetail, problemTrace)
	vbazureBadMedia     = fields(problemHead, problemTrace)
	vbazureProblem      = fields(problemHead, problemDetail)
	vbazureForbidden    = problemHead
)

func fields(head []Field, more ...Field) []Field {
	return append(head[:len(head):len(head)], more...)
}
