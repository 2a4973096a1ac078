package dialect

import "time"

// Veeam Backup for Google Cloud 2 to 7, after "Requesting Authorization",
// "Using Refresh Token", "Performing Logout" and "Authorization with Swagger
// UI" of its REST API references. No document prints an answer of the token
// call, so its members are those of its siblings.
var vbgcp = Dialect{
	ID:     "vbgcp",
	Name:   "Veeam Backup for Google Cloud",
	Short:  "Backup for Google Cloud",
	Title:  "Veeam Backup for Google Cloud public API 1.0",
	About:  "Port 13140. Every call carries x-api-version; a second factor is asked for with 202.",
	Port:   13140,
	Source: "Authorization with Swagger UI, Veeam Backup for Google Cloud REST API",
	Ritual: Modern,
	Versions: Versions{
		Header: "x-api-version",
		All: []Version{
			{"1.0-rev0", "product 2"},
			{"1.1-rev0", "product 3"},
			{"1.2-rev0", "product 4"},
			{"1.3-rev0", "product 5"},
			{"1.4-rev0", "product 6"},
		},
		Default: "1.4-rev0",
	},
	Groups: []Group{
		{Name: "Token", About: "Sign in, second factor, refresh, log out"},
		{Name: "VmInstances", About: "The protected call behind Explore"},
		{Name: "About", About: "Which appliance this is"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Token", Method: "POST", Path: "/api/v1/token",
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "With multi-factor authentication the first answer is 202 and carries an MFA token: send it back with the code.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Default: "password", Help: "Grant type that will be used to authenticate a user."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: "An account of the backup appliance."},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vbgcpShort,
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair in case the access token expires or becomes lost.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The previously saved refresh token."},
						vbgcpShort,
					},
				},
				{
					Kind: MFAGrant, Wire: "mfa", Help: "Finish a sign-in with the code of the second factor.",
					Takes: []Field{
						{Term: MFAToken, Wire: "mfa_token", As: Text, Label: "MFA token", Required: true, Secret: true, Help: "The one that the first answer carried."},
						{Term: MFACode, Wire: "mfa_code", As: Text, Label: "Verification code", Required: true, Secret: true, Help: "Six digits from the authenticator."},
						vbgcpShort,
					},
				},
				{
					Kind: CodeGrant, Wire: "authorization_code", Help: "Sign in with a one-time code. No document says where it comes from, so the sandbox refuses every one.",
					Takes: []Field{
						{Term: AuthorizationCode, Wire: "code", As: Text, Label: "Authorization code", Required: true, Secret: true, Help: "Good once."},
						vbgcpShort,
					},
				},
			},
			Status: 200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
				{Term: IssuedAt, Wire: ".issued", As: TimeZulu},
				{Term: ExpiresAt, Wire: ".expires", As: TimeZulu},
			},
			Challenge: Challenge{Status: 202, Gives: []Field{{Term: MFAToken, Wire: "mfa_token", As: Text, Secret: true}}},
			Basis:     Documented, Members: Choice, Reason: "An access token, its expiration time in seconds and a refresh token, or an MFA token, are documented; their names are those of the siblings.",
		},
		{
			Purpose: Logout, Group: "Token", Method: "DELETE", Path: "/api/v1/token",
			// The example of the page uses this one, its text the one above.
			Also:    []string{"/api/oauth2/token"},
			Summary: "Log out",
			Help:    "Sends the access token to the token path with DELETE. The answer has no body.",
			Status:  204, Basis: Documented,
		},
		{
			Purpose: Explore, Group: "VmInstances", Method: "GET", Path: "/api/v1/vmInstances",
			Summary: "List the VM instances", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vbgcpInstances, Basis: Documented, Reason: "Overview, Resource URLs.",
		},
	}, vbgcpCalls...),
	SecondFactor: Challenges,
	AdminRole:    "Portal Administrator",
	OperatorRole: "Portal Operator",
	Access:       Token{Alg: "RS512", KeyID: true, Audience: "access", Basis: Choice, Claims: vbr.Access.Claims},
	// The refresh token of the page is its own, unlike that of other products.
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
		Access: 15 * time.Minute, Refresh: 14 * 24 * time.Hour, ShortRefresh: time.Hour,
		RefreshBasis: Documented,
		Note:         "The access token lives 15 minutes, the refresh token 2 weeks, a short-term one 60 minutes by the prose and 75 by the sample token.",
	},
	Refusals: vbawsRefusals("No document prints a refusal of this product. These are those of the sibling for AWS."),
	Procedure: []Step{
		{Text: "On the Veeam Backup for Google Cloud public API 1.0 page, expand the Token resource and click POST api/v1/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the expanded method window, click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "From the grant_type drop-down list, select password; specify username and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "If MFA is enabled for the user: select mfa, and send the MFA token of the answer with the code of the authenticator.", Proof: ProofMFA, Optional: true, Shows: Obtain, Grant: MFAGrant},
		{Text: "Save the access and refresh token locally for further use.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select refresh_token, send the refresh token saved locally, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out with DELETE api/v1/token.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"A sign-in that needs a second factor answers 202, not 200, with an mfa_token.",
		"If you lose the refresh token, you can log in again under the same user account and get a new pair of tokens.",
		"The page on logging out names two paths; both work here.",
	},
}

var vbgcpShort = Field{Term: ShortRefresh, Wire: "use_short_term_refresh", As: Boolean, Label: "Short-term refresh", Default: "false", Help: "true: the refresh token expires after 60 minutes."}
