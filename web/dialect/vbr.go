package dialect

import "time"

// Veeam Backup & Replication 11 to 13, after "Using Refresh Token" (build 11,
// x-api-version 1.0-rev1), the overview of REST 1.3-rev2 and the published
// specifications of 1.1-rev0 to 1.3-rev2.
var vbr = Dialect{
	ID:     "vbr",
	Name:   "Veeam Backup & Replication",
	Short:  "Backup & Replication",
	Title:  "Veeam Backup & Replication REST API",
	About:  "Port 9419. Every call, the token call too, carries x-api-version.",
	Port:   9419,
	Source: "Using Refresh Token and Authorization with Swagger UI, Veeam Backup & Replication REST API",
	Ritual: Modern,
	Versions: Versions{
		Header: "x-api-version",
		All: []Version{
			{"1.0-rev1", "build 11.0.0.837"},
			{"1.0-rev2", "build 11.0.1.1261"},
			{"1.1-rev0", "build 12.0.0.1420"},
			{"1.1-rev1", "build 12.1.0.2131"},
			{"1.1-rev2", "build 12.2.0.334"},
			{"1.2-rev0", "build 12.3.0.310"},
			{"1.2-rev1", "build 12.3.1.1139"},
			{"1.3-rev0", "build 13.0.0.4967"},
			{"1.3-rev1", "build 13.0.1.180"},
			{"1.3-rev2", "build 13.1.0.411"},
		},
		Default: "1.3-rev2",
	},
	Groups: []Group{
		{Name: "Login", About: "Sign in, refresh, log out"},
		{Name: "Service", About: "The protected call behind Explore"},
		{Name: "Repositories", About: "Where backups are kept"},
		{Name: "Jobs", About: "What is backed up"},
		{Name: "License", About: "What may be backed up"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Login", Method: "POST", Path: "/api/oauth2/token",
			Summary:    "Get or refresh an access token",
			Help:       "Use an account with a built-in role. An account with multi-factor authentication must be marked as a service account.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "Authorization grant type."},
			Grants: []Grant{
				{
					// Specifications from 1.3-rev1 on list Password and
					// Refresh_token; the examples of the same revisions send
					// lower case, which every revision takes.
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: `A domain account has the form DOMAIN\user.`},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vbrShort,
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair. A refresh token can be used only once.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "Previously saved refresh token."},
						vbrShort,
					},
				},
				{
					Kind: CodeGrant, Wire: "authorization_code", Help: "Sign in with a one-time code that a signed-in client of revision 1.2-rev1 or earlier asked for. The call that makes codes is gone since 1.3-rev0.",
					Takes: []Field{
						{Term: AuthorizationCode, Wire: "code", As: Text, Label: "Authorization code", Required: true, Secret: true, Help: "Good for a minute."},
						vbrShort,
					},
				},
				{
					Kind: ComponentGrant, Wire: "vbr_token", Help: "For integrations that hold a token of another Veeam component. Deprecated since 1.3-rev0; the sandbox knows no such token and refuses it.",
					Takes: []Field{
						{Term: ComponentToken, Wire: "vbr_token", As: Text, Label: "Component token", Required: true, Secret: true, Help: "A token that another component issued."},
						vbrShort,
					},
				},
			},
			Status: 200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				// The page of 1.0-rev1 prints dates without a zone, in UTC as
				// the claims prove; public clients of later revisions need one.
				{Term: IssuedAt, Wire: ".issued", As: TimeBare, Until: "1.0-rev2"},
				{Term: ExpiresAt, Wire: ".expires", As: TimeBare, Until: "1.0-rev2"},
				{Term: IssuedAt, Wire: ".issued", As: TimeZulu, Since: "1.1-rev0"},
				{Term: ExpiresAt, Wire: ".expires", As: TimeZulu, Since: "1.1-rev0"},
				// The password example of the overview has it, the refresh
				// example and the schema have not.
				{Term: Username, Wire: "username", As: Text, ReadOnly: true},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Login", Method: "POST", Path: "/api/oauth2/logout",
			Summary: "Log out",
			Help:    "Sends the access token. Both tokens become invalid.",
			Status:  200, Body: `{}`, Basis: Documented, Reason: "Specification: EmptySuccessResponse.",
		},
		{
			Purpose: Explore, Group: "Service", Method: "GET", Path: "/api/v1/serverInfo",
			Summary: "Get server information", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing. A 403 still proves that the token is alive.",
			Status: 200, Body: vbrServerInfo, Older: []OlderBody{{Until: "1.2-rev1", Body: vbrServerInfo12}}, Basis: Documented, Reason: "Specification 1.3-rev2.",
		},
	}, vbrCalls...),
	SecondFactor: Refuses,
	AdminRole:    "Veeam Backup Administrator",
	OperatorRole: "Veeam Backup Viewer",
	Authorize:    Authorize{Word: true, WordUntil: "1.2-rev0"},
	Access: Token{Alg: "RS512", KeyID: true, Audience: "access", Basis: Documented, Claims: []Field{
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Refresh: Token{Alg: "RS512", KeyID: true, Audience: "refresh", Basis: Documented, Claims: []Field{
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: PairID, Wire: "token_id", As: UUID},
		{Term: ShortTerm, Wire: "short_term_expiration", As: BooleanText},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Lifetimes: Lifetimes{
		Access: 15 * time.Minute, Refresh: 14 * 24 * time.Hour, ShortRefresh: 30 * time.Minute,
		// 60 seconds by the specification, 5 minutes by the prose of 11.
		Code:         time.Minute,
		RefreshBasis: Documented,
		Note:         "The access token lives 15 minutes in every example; tables of 12 and later say 60. Trust expires_in. The refresh token lives 14 days and can be used once.",
	},
	Refusals: []Refusal{
		{Fault: BadCredentials, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "AccessDenied", ErrorDetail: "Authentication failed"}, Basis: Observed, Reason: "A published server log."},
		{Fault: NeedsServiceLogin, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "AccessDenied", ErrorDetail: "Authentication failed"}, Basis: Observed, Reason: "A published server log: the same as for a wrong password."},
		{Fault: LockedOut, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "AccessDenied", ErrorDetail: "Authentication failed"}, Basis: Choice, Reason: "Lock-out is not documented on the wire."},
		{Fault: SpentRefreshToken, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "InvalidToken", ErrorDetail: "The refresh token has been used already."}, Basis: Choice, Reason: "The code exists; sign-in failures are 401."},
		{Fault: ExpiredRefresh, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "ExpiredToken", ErrorDetail: "The refresh token has expired."}, Basis: Choice, Reason: "The code exists; sign-in failures are 401."},
		{Fault: RevokedToken, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "InvalidToken", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "The code exists; sign-in failures are 401."},
		{Fault: BadRefreshToken, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "InvalidToken", ErrorDetail: "The refresh token is not valid."}, Basis: Choice, Reason: "The code exists; sign-in failures are 401."},
		{Fault: BadCode, On: Obtain, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "AccessDenied", ErrorDetail: "The code is not valid."}, Basis: Choice, Reason: "Sign-in failures are 401."},
		{Fault: MissingField, On: Obtain, Status: 400, Shape: vbrError, Says: vbrUnexpected, Basis: Documented, Reason: "Specification example."},
		{Fault: UnknownGrant, On: Obtain, Status: 400, Shape: vbrError, Says: vbrUnexpected, Basis: Choice, Reason: "400 is declared; the text is the specification's example."},
		{Fault: BadMediaType, On: Obtain, Status: 400, Shape: vbrError, Says: vbrUnexpected, Basis: Choice, Reason: "Strict mode only."},
		{Fault: UnsupportedVersion, Status: 400, Shape: vbrError, Says: Values{ErrorCode: "NotImplemented", ErrorDetail: "Unsupported RESTAPI version. The following versions are supported: ${versions}."}, Basis: Observed, Reason: "A published issue; code and status from a client's tests."},
		{Fault: MissingVersion, Status: 400, Shape: vbrError, Says: Values{ErrorCode: "NotImplemented", ErrorDetail: "Unsupported RESTAPI version. The following versions are supported: ${versions}."}, Basis: Choice, Reason: "Reported second-hand. Strict mode only."},
		{Fault: NoToken, Status: 401, Shape: vbrError, Says: vbrUnauthorized, Basis: Documented, Reason: "Specification example; the path that it names is not the real one."},
		{Fault: BadToken, Status: 401, Shape: vbrError, Says: vbrUnauthorized, Basis: Documented, Reason: "Specification example; the path that it names is not the real one."},
		{Fault: RevokedToken, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "InvalidToken", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "401 is common; the code exists."},
		{Fault: ExpiredToken, Status: 401, Shape: vbrError, Says: Values{ErrorCode: "ExpiredToken", ErrorDetail: "Access token has expired."}, Basis: Choice, Reason: "The code is documented; its text is not."},
		{Fault: TooFewRights, Status: 403, Shape: vbrError, Says: Values{ErrorCode: "AccessDenied", ErrorDetail: "Forbidden"}, Basis: Documented, Reason: "Specification example."},
		{Fault: NotFound, Status: 404, Shape: vbrError, Says: Values{ErrorCode: "NotFound", ErrorDetail: "Resource does not exist"}, Basis: Documented, Reason: "Specification example."},
		{Fault: BadMethod, Status: 405, Shape: vbrError, Says: Values{ErrorCode: "MethodNotAllowed", ErrorDetail: "HTTP Method not allowed"}, Basis: Documented, Reason: "Specification example."},
		{Fault: Unavailable, Status: 500, Shape: vbrError, Says: Values{ErrorCode: "ServiceUnavailable", ErrorDetail: "The service is not available. Try again later."}, Basis: Choice, Reason: "The code is documented for 500; its text is not."},
		{Fault: ServerFault, Status: 500, Shape: vbrError, Says: Values{ErrorCode: "UnknownError", ErrorDetail: "An unknown error occurred."}, Basis: Choice, Reason: "The code is documented; its text is not."},
	},
	Headers: Pairs{
		{"Cache-Control", "private"},
		{"X-Frame-Options", "SAMEORIGIN"},
		{"X-XSS-Protection", "1; mode=block"},
		{"Strict-Transport-Security", "max-age=31536000"},
		{"X-Content-Type-Options", "nosniff"},
	},
	Procedure: []Step{
		{Text: "Expand the Login resource and click POST /api/oauth2/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the grant_type drop-down list, select password; enter username and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save both tokens. The refresh token is used to refresh an expired or lost access token.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "To refresh the access token, send grant_type refresh_token and the previously saved refresh token.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "To log out, send POST /api/oauth2/logout.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"A refresh token can be used only once. Replace both tokens after every refresh.",
		"If you have lost a refresh token, you can log in again under the same user account and get a new pair of tokens.",
		"An account with multi-factor authentication gets the same 401 as a wrong password. Mark it as a service account.",
	},
}

var (
	vbrShort = Field{Term: ShortRefresh, Wire: "use_short_term_refresh", As: Boolean, Label: "Short-term refresh", Default: "false", Help: "true: the refresh token expires 15 minutes after the access token."}

	vbrError = []Field{
		{Term: ErrorCode, Wire: "errorCode", As: Text},
		{Term: ErrorDetail, Wire: "message", As: Text},
		{Term: ErrorResource, Wire: "resourceId", As: Null},
	}
	vbrUnexpected   = Values{ErrorCode: "UnexpectedContent", ErrorDetail: "One or more request parameters are not valid."}
	vbrUnauthorized = Values{ErrorCode: "AccessDenied", ErrorDetail: "Unauthorized. Get bearer JWT token at /api/login"}
)
