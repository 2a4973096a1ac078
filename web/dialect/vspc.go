package dialect

import "time"

// Veeam Service Provider Console 8.1 to 9.2, REST API v3, after "Getting
// Authorization Tokens", "OAuth 2.0 Authentication" and "Asymmetric
// Authentication", and the published specifications of 3.5.1 to 3.7.
var vspc = Dialect{
	ID:     "vspc",
	Name:   "Veeam Service Provider Console",
	Short:  "Service Provider Console",
	Title:  "Veeam Service Provider Console REST API",
	About:  "Port 1280, REST v3. A wrong password is 400, and logging out names the user in the path.",
	Port:   1280,
	Source: "Getting Authorization Tokens, Veeam Service Provider Console REST API v3",
	Ritual: Modern,
	Versions: Versions{
		Header: "X-Client-Version", Optional: true,
		All: []Version{
			{"3.5.1", "product 8.1"}, {"3.6", "product 9.0"}, {"3.6.1", "product 9.1"}, {"3.6.2", "product 9.2"}, {"3.7", "after product 9.2"},
		},
		Default: "3.7",
	},
	Groups: []Group{
		{Name: "Authentication", About: "Sign in, second factor, refresh"},
		{Name: "Accounts", About: "Who you are, and logging out"},
		{Name: "About", About: "The protected call behind Explore"},
		{Name: "Organizations", About: "Whose backups they are"},
	},
	Operations: append([]Operation{
		{
			Purpose: Obtain, Group: "Authentication", Method: "POST", Path: "/api/v3/token",
			Summary:    "Issue a pair of tokens",
			Help:       "Use an account that has access to the REST API. Grants that need a second step answer with an mfa_token or an encrypted_code instead of a pair.",
			Anonymous:  true,
			GrantField: Field{Wire: "grant_type", As: Text, Label: "How you sign in", Required: true, Help: "OAuth 2.0 grant type."},
			Grants: []Grant{
				{
					Kind: PasswordGrant, Wire: "password", Help: "Sign in with a user name and a password.",
					Takes: []Field{
						{Term: Username, Wire: "username", As: Text, Label: "User name", Required: true, Help: `The form vspc\administrator works too.`},
						{Term: Password, Wire: "password", As: Text, Label: "Password", Required: true, Secret: true, Help: "Sent once, then dropped. It is never stored, shown or logged."},
						vspcReadOnly,
					},
				},
				{
					Kind: RefreshGrant, Wire: "refresh_token", Help: "Get a new pair when the access token has expired.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Refresh token", Required: true, Secret: true, Help: "The refresh token saved locally."},
						vspcReadOnly,
					},
				},
				{
					Kind: MFAGrant, Wire: "mfa", Help: "Finish a sign-in with the code of the second factor.",
					Takes: []Field{
						{Term: MFAToken, Wire: "mfa_token", As: Text, Label: "MFA token", Required: true, Secret: true, Help: "The one that the first answer carried."},
						{Term: MFACode, Wire: "mfa_code", As: Text, Label: "MFA code", Required: true, Secret: true, Help: "Six digits from the authenticator."},
						vspcReadOnly,
					},
				},
				{
					Kind: PublicKeyGrant, Wire: "public_key", Help: "Ask for a code that only the holder of the private key can read; then sign in with it.",
					Takes: []Field{
						{Term: PublicKey, Wire: "public_key", As: Text, Label: "Public key", Required: true, Help: "RSA, in Base64. The sandbox takes any one for the administrator's."},
						vspcReadOnly,
					},
				},
				{
					Kind: CodeGrant, Wire: "authorization_code", Help: "Sign in with the decrypted code, within 30 seconds.",
					Takes: []Field{
						{Term: AuthorizationCode, Wire: "code", As: Text, Label: "Decrypted code", Required: true, Secret: true, Help: "Good for 30 seconds."},
						vspcReadOnly,
					},
				},
				{
					Kind: ActAsGrant, Wire: "as", Help: "Get the pair of another user whom you may administer.",
					Takes: []Field{
						{Term: RefreshToken, Wire: "refresh_token", As: Text, Label: "Your refresh token", Required: true, Secret: true, Help: "It is not spent by this."},
						{Term: UserID, Wire: "user_uid", As: UUID, Label: "User UID", Required: true, Help: "Of the user to act as."},
						vspcReadOnly,
					},
				},
			},
			// The page of 5.0 sends multipart/form-data.
			Encodings: []Encoding{Form, Multipart},
			Status:    200,
			Gives: []Field{
				{Term: AccessToken, Wire: "access_token", As: Text, Secret: true},
				{Term: TokenType, Wire: "token_type", As: Text},
				{Term: RefreshToken, Wire: "refresh_token", As: Text, Secret: true},
				{Term: MFAToken, Wire: "mfa_token", As: Text, Secret: true},
				{Term: EncryptedCode, Wire: "encrypted_code", As: Text},
				{Term: ExpiresIn, Wire: "expires_in", As: Integer},
			},
			Basis: Documented,
		},
		{
			Purpose: Logout, Group: "Accounts", Method: "DELETE", Path: "/api/v3/users/{userUid}/tokens",
			Summary: "Log out",
			Help:    "Names your user in the path; GET /users/me tells its UID.",
			Takes:   []Field{{Term: UserID, Wire: "userUid", As: UUID, Label: "User UID", Required: true}},
			Status:  200, Body: `{"data":true}`, Basis: Documented,
		},
		{
			Purpose: Explore, Group: "About", Method: "GET", Path: "/api/v3/about",
			Summary: "Get information about the installation", Admin: true,
			Help:   "Explore makes this call: it needs a live access token and changes nothing.",
			Status: 200, Body: vspcAbout, Basis: Documented,
		},
	}, vspcCalls...),
	SecondFactor: Challenges,
	Domain:       "vspc",
	AdminRole:    "portalAdministrator",
	OperatorRole: "portalOperator",
	Authorize:    Authorize{Word: true},
	Access:       Token{Opaque: 235, Basis: Choice},
	Refresh:      Token{Opaque: 235, Basis: Choice},
	Lifetimes: Lifetimes{
		Access: time.Hour, Refresh: 14 * 24 * time.Hour, Code: 30 * time.Second,
		RefreshBasis: Choice,
		Note:         "The access token lives 1 hour by default. How long the refresh token lives is not documented; the sandbox gives it 14 days, as its relatives do.",
	},
	Refusals: []Refusal{
		{Fault: BadCredentials, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "Cannot complete login due to incorrect username or password, or no sufficient rights."}, Basis: Documented, Reason: "Specification example: 400, not 401."},
		{Fault: LockedOut, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "Cannot complete login: the account is locked."}, Basis: Choice, Reason: "Lock-out is not documented."},
		{Fault: BadMFACode, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The MFA code is not valid."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: BadMFAToken, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The MFA token is not valid or has expired."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: BadCode, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The code is not valid or has expired."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: BadPublicKey, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_client", ErrorDetail: "The public key is not assigned to a user."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: SpentRefreshToken, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token has been used already."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: ExpiredRefresh, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token has expired."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: RevokedToken, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The session has been ended."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: BadRefreshToken, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_grant", ErrorDetail: "The refresh token is not valid."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: TooFewRights, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "unauthorized_client", ErrorDetail: "You may not act as this user."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: UnknownGrant, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "unsupported_grant_type", ErrorDetail: "The grant type is not supported."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: MissingField, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "A required parameter is missing."}, Basis: Choice, Reason: "400 and the codes are declared; the texts are not."},
		{Fault: BadMediaType, On: Obtain, Status: 400, Shape: vspcOAuthError, Says: Values{ErrorCode: "invalid_request", ErrorDetail: "The body must be a form."}, Basis: Choice, Reason: "Strict mode only."},
		{Fault: UnsupportedVersion, Status: 400, Within: Within{"error"}, Shape: vspcVersionError, Says: Values{ErrorCode: "UnsupportedApiVersion", ErrorDetail: "The HTTP resource that matches the request URI '${path}' is not supported."}, Basis: Observed, Reason: "A published issue; the status is that of ASP.NET's API versioning. Strict mode only."},
		vspcRefusal(NoToken, 401, "security", "Authorization is required."),
		vspcRefusal(BadToken, 401, "security", "The access token is not valid."),
		vspcRefusal(RevokedToken, 401, "security", "The session has been ended."),
		vspcRefusal(ExpiredToken, 401, "security", "The access token has expired."),
		vspcRefusal(TooFewRights, 403, "security", "You do not have sufficient rights for this operation."),
		vspcRefusal(NotFound, 404, "logical", "The resource was not found."),
		vspcRefusal(BadMethod, 405, "transport", "The resource does not support this method."),
		{
			Fault: TooManyRequests, Status: 429, Within: Within{"errors", "[]"}, Shape: []Field{
				{Term: ErrorKind, Wire: "type", As: Text},
				{Term: ErrorStatus, Wire: "code", As: Integer},
				{Term: RetryAfter, Wire: "retryAfter", As: Integer},
			},
			Says:  Values{ErrorKind: "transport", RetryAfter: "25"},
			Basis: Documented, Reason: "Throttling.",
		},
		// All statuses from 500 on are sent as this one.
		vspcRefusal(Unavailable, 520, "retryableLogical", "The service is not available. Try again later."),
		vspcRefusal(ServerFault, 520, "unspecified", "An unknown error occurred."),
	},
	Procedure: []Step{
		{Text: "On the VSPC REST page, expand the Authentication resource and click POST /token.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "Click the Try it out button.", Shows: Obtain, Grant: PasswordGrant},
		{Text: "In the username and password fields, specify the credentials of a user that has access to the REST API, and click Execute.", Proof: ProofPair, Shows: Obtain, Grant: PasswordGrant},
		{Text: "With multi-factor authentication: select mfa, and send the MFA token of the answer with the code of the authenticator.", Proof: ProofMFA, Optional: true, Shows: Obtain, Grant: MFAGrant},
		{Text: "Save the refresh token locally.", Proof: ProofSaved, Shows: Obtain, Grant: PasswordGrant},
		{Text: "Validate the access token: api_key holds it already, so click Explore.", Proof: ProofExplored, Shows: Explore},
		{Text: "When the access token expires, select refresh_token in the grant_type drop-down list, insert the refresh token saved locally, and click Execute.", Proof: ProofRefreshed, Shows: Obtain, Grant: RefreshGrant},
		{Text: "When you finish working, log out with DELETE /users/{userUid}/tokens.", Proof: ProofLoggedOut, Shows: Logout},
	},
	Notes: []string{
		"A wrong password answers 400, not 401.",
		"Logging out needs your user's UID. GET /users/me tells it, and this page asks first.",
		"Server errors are sent as 520.",
		"Two clients with the same account may log each other out. Use one account for each client.",
	},
}

// vspcRefusal is how every call but the token call says no.
func vspcRefusal(f Fault, status int, kind, text string) Refusal {
	return Refusal{Fault: f, Status: status, Within: Within{"errors", "[]"}, Shape: vspcError, Says: Values{ErrorDetail: text, ErrorKind: kind},
		Basis: Choice, Reason: "Members, kinds and codes are documented; which goes with which, and the texts, are not."}
}

var (
	vspcReadOnly = Field{Term: ReadOnlyToken, Wire: "read_only", As: Boolean, Label: "Read-only", Default: "false", Help: "true: the access token may look and change nothing."}

	vspcOAuthError = []Field{
		{Term: ErrorCode, Wire: "error", As: Text},
		{Term: ErrorDetail, Wire: "error_description", As: Text},
		{Term: ErrorType, Wire: "error_uri", As: Null},
	}
	vspcVersionError = []Field{
		{Term: ErrorCode, Wire: "code", As: Text},
		{Term: ErrorDetail, Wire: "message", As: Text},
		{Term: ErrorInner, Wire: "innerError", As: Null},
	}
	vspcError = []Field{
		{Term: ErrorDetail, Wire: "message", As: Text},
		{Term: ErrorKind, Wire: "type", As: Text},
		{Term: ErrorStatus, Wire: "code", As: Integer},
	}
)
