package dialect

import "time"

// Veeam ONE 11 to 13, after "Authorization Example" of its REST API reference
// and the published specification of 2.3.
var vone = Dialect{
	ID:     "vone",
	Name:   "Veeam ONE",
	Short:  "Veeam ONE",
	Title:  "Veeam ONE REST API",
	About:  "Port 1239. Token type Bearer with a capital, 899 seconds, and a revocation that names the token.",
	Port:   1239,
	Source: "Authorization Example, Veeam ONE REST API",
	Ritual: Modern,
	Versions: Versions{
		All:     []Version{{"v1", "an earlier product"}, {"v2", "an earlier product"}, {"v2.1", "an earlier product"}, {"v2.2", "an earlier product"}, {"v2.3", "product 13"}},
		Default: "v2.3",
	},
	Groups: []Group{
		{Name: "Authentication", About: "Sign in, refresh, log out"},
		{Name: "About", About: "The protected call behind Explore"},
		{Name: "Licensing", About: "What may be monitored"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Authentication", Method: "POST", Path: "/api/token",
			Summary:    "Create a token",
			Help:       "Use an account of the Veeam ONE server.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "password for the first pair, refresh_token for the next one."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Name: "password (default)", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: `The form onesrv\administrator works too.`},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair when the access token has expired.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The refresh token saved locally."},
					},
				},
			},
			Encodings: []Encoding{Form, Multipart},
			Status:    200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text, Fixed: "Bearer"},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				{Term: Account, Wire: "user", As: Text},
				{Term: Role, Wire: "user_role", As: Text},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Authentication", Method: "POST", Path: "/api/revoke",
			Summary: "Revoke a token",
			Help:    "Sends the access token twice: to be let in, and to say which token ends.",
			Takes: []Field{
				{Term: AccessToken, Wire: "token", As: Text, Label: "Access token", Secret: true, Help: "The token to revoke."},
				{Term: UserSID, Wire: "UserSid", As: Text, Label: "User SID", Help: "Instead of a token: revokes all tokens of this user."},
			},
			Encodings: []Encoding{Form, Multipart},
			Status:    200, Basis: Documented,
		},
		{
			Purpose: Explore, Group: "About", Method: "GET", Path: "/api/{version}/about",
			Summary: "Get server information", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: voneAbout, Basis: Documented,
		},
	}, voneCalls...),
	SecondFactor: Ignores,
	Domain:       "onesrv",
	AdminRole:    "Admin",
	OperatorRole: "ReadonlyUser",
	// The sample begins with a header of HS256; its claims are cut.
	Authorize: Authorize{Word: true},
	Access:    Token{Alg: "HS256", Audience: "access", Basis: Choice, Claims: voneClaims},
	Refresh:   Token{Alg: "HS256", Audience: "refresh", Basis: Choice, Claims: voneClaims},
	Lifetimes: Lifetimes{
		Access: 15 * time.Minute, Reported: 15*time.Minute - time.Second,
		Refresh: 14 * 24 * time.Hour, RefreshBasis: Choice,
		Note: "The access token lives 15 minutes. How long the refresh token lives is not documented; the sandbox gives it 14 days, as its relatives do.",
	},
	Refusals: []Refusal{
		voneRefusal(BadCredentials, Obtain, 400, problem400, "Bad Request", "Invalid user name or password."),
		voneRefusal(LockedOut, Obtain, 400, problem400, "Bad Request", "The account is locked."),
		voneRefusal(SpentRefreshToken, Obtain, 400, problem400, "Bad Request", "The refresh token has been used already."),
		voneRefusal(ExpiredRefresh, Obtain, 400, problem400, "Bad Request", "The refresh token has expired."),
		voneRefusal(RevokedToken, Obtain, 400, problem400, "Bad Request", "The session has been ended."),
		voneRefusal(BadRefreshToken, Obtain, 400, problem400, "Bad Request", "The refresh token is not valid."),
		voneRefusal(UnknownGrant, Obtain, 400, problem400, "Bad Request", "The grant type is not supported."),
		voneRefusal(BadMediaType, Obtain, 400, problem400, "Bad Request", "The body must be a form."),
		voneRefusal(MissingField, "", 400, problem400, "Bad Request", "A required field is missing."),
		voneRefusal(NoToken, "", 401, problem401, "Unauthorized", "The request has no access token."),
		voneRefusal(BadToken, "", 401, problem401, "Unauthorized", "The access token is not valid."),
		voneRefusal(RevokedToken, "", 401, problem401, "Unauthorized", "The token has been revoked."),
		voneRefusal(ExpiredToken, "", 401, problem401, "Unauthorized", "The access token has expired."),
		voneRefusal(TooFewRights, "", 403, problem403, "Forbidden", "The account has too few rights."),
		voneRefusal(NotFound, "", 404, problem404, "Not Found", "The resource does not exist."),
		{Fault: BadMethod, Status: 405, Basis: Choice, Reason: "ASP.NET's own answer has no body."},
		voneRefusal(ServerFault, "", 500, problem500, "An error occurred while processing your request.", "Try again later."),
	},
	Procedure: []Step{
		{Text: "Expand the Authentication resource and click POST /api/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Make sure that password is selected in the grant_type list; specify username and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save the refresh token locally for further use.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select refresh_token, insert the refresh token saved locally, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, revoke the access token with POST /api/revoke.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"expires_in is 899, one second short of 15 minutes.",
		"Logging out is a revocation: the access token stands in the body as well as in the header.",
		"A wrong password answers 400 with problem details.",
		"Two clients with the same account may log each other out. Use one account for each client.",
	},
}

func voneRefusal(f Fault, on Purpose, status int, link, title, detail string) Refusal {
	return Refusal{Fault: f, On: on, Status: status, Type: problemType, Shape: vbazureProblem, Says: Values{ErrorType: link, ErrorTitle: title, ErrorDetail: detail},
		Basis: Choice, Reason: "Problem details are declared, with 400 for the token call and 403 for others; no text is."}
}

var voneClaims = []Field{
	{Term: Username, Wire: "unique_name", As: Text},
	{Term: Role, Wire: "role", As: Text},
	// The name that .NET gives it.
	{Term: UserSID, Wire: "primarysid", As: Text},
	{Term: PairID, Wire: "jti", As: UUID},
	{Term: NotBefore, Wire: "nbf", As: TimeUnix},
	{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
	{Term: IssuedAt, Wire: "iat", As: TimeUnix},
	{Term: Audience, Wire: "aud", As: Text},
}
