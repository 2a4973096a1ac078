package dialect

import "time"

// Veeam Backup for Nutanix AHV, REST API of the appliance, versions v4 to v7,
// after "Using Refresh Token" and "Requesting Authorization". From version 8 on
// the API lives on the backup server and takes that product's tokens.
var vbahv = Dialect{
	ID:     "vbahv",
	Name:   "Veeam Backup for Nutanix AHV",
	Short:  "Backup for Nutanix AHV",
	Title:  "Veeam Backup for Nutanix AHV public API",
	About:  "Port 443. Fields in camel case, answers with dates and without expires_in.",
	Port:   443,
	Source: "Using Refresh Token, Veeam Backup for Nutanix AHV REST API",
	Ritual: Modern,
	Versions: Versions{
		All:     []Version{{"v4", "product 4"}, {"v5", "product 5"}, {"v6", "product 6"}, {"v7", "product 7"}},
		Default: "v4",
	},
	Groups: []Group{
		{Name: "Token", About: "Sign in, refresh, log out"},
		{Name: "Jobs", About: "The protected call behind Explore"},
		{Name: "Clusters", About: "What is backed up"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Token", Method: "POST", Path: "/api/oauth2/token",
			// The worked examples use the path above, the lead prose of v5 to
			// v7 this one.
			Also:       []string{"/api/{version}/token"},
			Summary:    "Obtain or refresh a pair of tokens",
			Help:       "Use an account of the backup appliance.",
			Anonymous:  true,
			GrantField: Field{Wire: "grantType", As: Text, Label: "How you sign in", Required: true, Default: "Password", Help: "In camel case, unlike in OAuth 2.0."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "Password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "userName", As: Text, Label: "User name", Required: true, Help: "An account of the backup appliance."},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vbahvLong,
					},
				},
				{
					Kind: RefreshGrant, Wire: "RefreshToken", Help: "Get a new pair in case the access token expires or becomes lost.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refreshToken", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The previously saved refresh token."},
						vbahvLong,
					},
				},
				{
					Kind: ComponentGrant, Wire: "UpdaterToken", Help: "For the appliance's own updater. The sandbox knows no such token and refuses it.",
					Takes: []Field{
						{Term: ComponentToken, Wire: "updaterToken", As: Text, Label: "Updater token", Required: true, Secret: true, Help: "A token that the updater issued."},
						vbahvLong,
					},
				},
			},
			Status: 200,
			Gives: []Field{
				// The refresh page prints snake case, the password page camel
				// case; both are read, the former is written.
				{Term: AccessToken, Wire: "access_token", Also: []string{"accessToken"}, As: Text, Secret: true},
				{Term: RefreshToken, Wire: "refresh_token", Also: []string{"refreshToken"}, As: Text, Secret: true},
				{Term: ExpiresAt, Wire: "accessTokenExpiresAt", As: TimeTicks},
				{Term: RefreshExpiresAt, Wire: "refreshTokenExpiresAt", As: TimeTicks},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Token", Method: "DELETE", Path: "/api/oauth2/token",
			Also:    []string{"/api/{version}/token"},
			Summary: "Log out",
			Help:    "The documents list this step without its call; DELETE on the token path is what the product's family does.",
			Status:  204, Basis: Choice, Reason: "Logging out is documented, its method, path and status are not.",
		},
		{
			Purpose: Explore, Group: "Jobs", Method: "GET", Path: "/api/{version}/jobs",
			Summary: "List the jobs", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vbahvJobs, Basis: Documented, Reason: "Reference of v7. Its overview shows the array of results alone.",
		},
	}, vbahvCalls...),
	SecondFactor: Ignores,
	AdminRole:    "Administrator",
	OperatorRole: "Operator",
	Authorize:    Authorize{Word: true},
	Access: Token{Alg: "HS256", Audience: "api/default/{installation}", Basis: Documented, Claims: []Field{
		{Term: PairID, Wire: "jti", As: UUID},
		{Term: UserID, Wire: "nameid", As: Text},
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: SessionID, Wire: "sid", As: UUID},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Issuer, Wire: "iss", As: Text, Fixed: "issuer"},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Refresh: Token{Alg: "HS256", Audience: "auth/refresh/{installation}", Basis: Choice, Claims: []Field{
		{Term: PairID, Wire: "jti", As: UUID},
		{Term: UserID, Wire: "nameid", As: Text},
		{Term: Username, Wire: "unique_name", As: Text},
		{Term: SessionID, Wire: "sid", As: UUID},
		{Term: NotBefore, Wire: "nbf", As: TimeUnix},
		{Term: ExpiresAt, Wire: "exp", As: TimeUnix},
		{Term: IssuedAt, Wire: "iat", As: TimeUnix},
		{Term: Issuer, Wire: "iss", As: Text, Fixed: "issuer"},
		{Term: Audience, Wire: "aud", As: Text},
	}},
	Lifetimes: Lifetimes{
		Access: 30 * time.Minute, Refresh: 24 * time.Hour, LongRefresh: 14 * 24 * time.Hour,
		RefreshBasis: Documented,
		Note:         "The access token lives 30 minutes, the refresh token 24 hours, or 14 days with longLivedRefreshToken.",
	},
	Refusals: vbahvRefusals(),
	Procedure: []Step{
		{Text: "Expand the Token resource and click POST /api/oauth2/token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click Try it out.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Select Password in the grantType list, enter userName and password, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Save the refresh token.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "In case the access token expires or becomes lost, select RefreshToken, send the previously saved refresh token, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"The answer has no expires_in: read the two dates.",
		"The documents disagree on access_token and accessToken. This page reads both.",
		"If you lose the refresh token, you can log in again under the same user account and get a new pair of tokens.",
	},
}

var vbahvLong = Field{Term: LongRefresh, Wire: "longLivedRefreshToken", As: Boolean, Label: "Long-lived refresh token", Default: "false", Help: "true: the refresh token lives 14 days."}

// vbahvRefusals takes the shapes of the sibling product: no document prints a
// refusal of this one.
func vbahvRefusals() []Refusal {
	const reason = "The reference of v7 declares problem documents with type, title, status, detail and instance; no document prints one. These are those of the sibling for Azure."
	var out []Refusal
	for _, r := range vbazure.Refusals {
		if r.Fault == BadMFACode || r.Fault == BadMFAToken || r.Fault == UnsupportedVersion {
			continue
		}
		r.Basis, r.Reason = Choice, reason
		out = append(out, r)
	}
	return out
}
