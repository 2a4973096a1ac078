package dialect

// Term is a meaning that products share. Code outside a product's own file
// speaks in terms; only a [Dialect] knows the words for them.
type Term string

// What a person or a client sends.
const (
	Username          Term = "username"
	Password          Term = "password"
	RefreshToken      Term = "refresh_token"
	MFAToken          Term = "mfa_token"
	MFACode           Term = "mfa_code"
	AuthorizationCode Term = "authorization_code"
	ComponentToken    Term = "component_token"
	ShortRefresh      Term = "short_refresh"
	LongRefresh       Term = "long_refresh"
	APIVersion        Term = "api_version"
	ClientID          Term = "client_id"
	ClientSecret      Term = "client_secret"
	Assertion         Term = "assertion"
	PublicKey         Term = "public_key"
	ReadOnlyToken     Term = "read_only"
	NoAntiforgery     Term = "no_antiforgery"
	AntiforgeryToken  Term = "antiforgery_token"
)

// What an answer says.
const (
	AccessToken      Term = "access_token"
	TokenType        Term = "token_type"
	ExpiresIn        Term = "expires_in"
	IssuedAt         Term = "issued_at"
	ExpiresAt        Term = "expires_at"
	RefreshExpiresAt Term = "refresh_expires_at"
	UserID           Term = "user_id"
	Role             Term = "role"
	UserKind         Term = "user_kind"
	NewsShown        Term = "news_shown"
	MFAEnabled       Term = "mfa_enabled"
	RedirectTo       Term = "redirect_to"
	Message          Term = "message"
	Account          Term = "account"
	EncryptedCode    Term = "encrypted_code"
)

// What a token says about itself, beside [Username], [Role], [UserID],
// [IssuedAt] and [ExpiresAt].
const (
	PairID    Term = "pair_id"
	NotBefore Term = "not_before"
	Audience  Term = "audience"
	Issuer    Term = "issuer"
	SessionID Term = "session_id"
	UserSID   Term = "user_sid"
	ShortTerm Term = "short_term"
)

// What a refusal says.
const (
	ErrorCode     Term = "error_code"
	ErrorTitle    Term = "error_title"
	ErrorDetail   Term = "error_detail"
	ErrorType     Term = "error_type"
	ErrorStatus   Term = "error_status"
	ErrorInstance Term = "error_instance"
	ErrorTrace    Term = "error_trace"
	ErrorResource Term = "error_resource"
	ErrorKind     Term = "error_kind"
	ErrorStack    Term = "error_stack"
	ErrorInner    Term = "error_inner"
	RetryAfter    Term = "retry_after"
)

var meanings = map[Term]string{
	Username:          "The account that signs in.",
	Password:          "The password of that account.",
	RefreshToken:      "Gets a new pair when the access token has expired.",
	MFAToken:          "Stands for a sign-in that is half done; send it back with the code.",
	MFACode:           "The six digits that the authenticator shows now.",
	AuthorizationCode: "A one-time code that another session of this product gave out.",
	ComponentToken:    "A token that another component of the product issued.",
	ShortRefresh:      "Asks for a refresh token with a short life.",
	LongRefresh:       "Asks for a refresh token with a long life.",
	APIVersion:        "The version of the API that the client speaks.",
	ClientID:          "Names an application that signs in for itself.",
	ClientSecret:      "What a password is to a person, for an application.",
	Assertion:         "A signed statement of another server about who signs in.",
	PublicKey:         "The half of a key pair that the product encrypts a code with.",
	ReadOnlyToken:     "Asks for an access token that may look and change nothing.",
	NoAntiforgery:     "Asks for a pair that needs no antiforgery cookie.",
	AntiforgeryToken:  "Travels in a cookie beside the pair and must come back with it.",
	Account:           "The account with the domain before it.",
	EncryptedCode:     "A one-time code that only the holder of the private key can read.",
	AccessToken:       "Opens the API. Send it as a bearer token.",
	TokenType:         "How to send the access token.",
	ExpiresIn:         "Seconds until the access token expires.",
	IssuedAt:          "When the token was issued.",
	ExpiresAt:         "When the token expires.",
	RefreshExpiresAt:  "When the refresh token expires.",
	UserID:            "The account's identifier on this installation.",
	Role:              "The role that the token carries.",
	UserKind:          "Where the account lives.",
	NewsShown:         "Whether the account has seen the product's latest news.",
	MFAEnabled:        "Whether a second factor is still asked for.",
	RedirectTo:        "Where single sign-on continues.",
	Message:           "What the product says in a sentence.",
	PairID:            "Names this token; new with every refresh.",
	NotBefore:         "Not valid before this time.",
	Audience:          "Who the token is meant for: it tells an access token from a refresh token.",
	Issuer:            "Who issued the token.",
	SessionID:         "The session on the server that the token belongs to.",
	UserSID:           "Windows' name of the user; it stands for all tokens of theirs.",
	ShortTerm:         "Whether the refresh token has the short life. A string, not a boolean.",
	ErrorCode:         "The refusal's code.",
	ErrorTitle:        "The refusal in a few words.",
	ErrorDetail:       "The refusal in a sentence.",
	ErrorType:         "A link that names the kind of refusal.",
	ErrorStatus:       "The HTTP status once more.",
	ErrorInstance:     "The path that was called.",
	ErrorTrace:        "Names this call in the server's log.",
	ErrorResource:     "The object that the refusal is about.",
	ErrorKind:         "What sort of trouble it is.",
	ErrorStack:        "Where in the server's code it happened.",
	ErrorInner:        "The refusal behind this one.",
	RetryAfter:        "Seconds to wait before the next try.",
}

// Meaning explains the term in one sentence, for the page and the generated
// documents.
func (t Term) Meaning() string { return meanings[t] }

// Values holds canonical text by meaning: times in RFC 3339 and UTC, booleans
// as "true" and "false", numbers in decimal.
type Values map[Term]string

// Kind is what a grant is for, whatever a product calls it.
type Kind string

// The kinds of grant.
const (
	PasswordGrant  Kind = "password"
	RefreshGrant   Kind = "refresh"
	MFAGrant       Kind = "mfa"
	CodeGrant      Kind = "code"
	ComponentGrant Kind = "component"
	ClientGrant    Kind = "client"
	AssertionGrant Kind = "assertion"
	// OperatorGrant is an assertion that signs a restore operator in.
	OperatorGrant Kind = "operator"
	// PublicKeyGrant gives an encrypted code for the code grant.
	PublicKeyGrant Kind = "public_key"
	// ActAsGrant gives a pair of another user, for a refresh token.
	ActAsGrant Kind = "as"
)

// Role of an operation on the page and in the sandbox.
type Purpose string

// The purposes. Every dialect has exactly one operation each of the first
// three; a [FirstCall] is whatever else clients ask right after signing in.
const (
	Obtain    Purpose = "token"
	Explore   Purpose = "explore"
	Logout    Purpose = "logout"
	FirstCall Purpose = "call"
	// WhoAmI tells who is signed in, where another call has to name them.
	WhoAmI Purpose = "whoami"
	// MakeCode gives a one-time code for [CodeGrant].
	MakeCode Purpose = "code"
	// MakeClient makes an account for an application, for [ClientGrant].
	MakeClient Purpose = "client"
)

// Fault is why a call is refused, whatever a product calls it.
type Fault string

// The faults.
const (
	BadCredentials     Fault = "bad_credentials"
	LockedOut          Fault = "locked_out"
	NeedsServiceLogin  Fault = "needs_service_login"
	UnknownGrant       Fault = "unknown_grant"
	MissingField       Fault = "missing_field"
	BadMFACode         Fault = "bad_mfa_code"
	BadMFAToken        Fault = "bad_mfa_token"
	BadRefreshToken    Fault = "bad_refresh_token"
	SpentRefreshToken  Fault = "spent_refresh_token"
	ExpiredRefresh     Fault = "expired_refresh_token"
	BadCode            Fault = "bad_code"
	BadAssertion       Fault = "bad_assertion"
	BadClient          Fault = "bad_client"
	BadPublicKey       Fault = "bad_public_key"
	MissingAntiforgery Fault = "missing_antiforgery"
	NoToken            Fault = "no_token"
	BadToken           Fault = "bad_token"
	ExpiredToken       Fault = "expired_token"
	RevokedToken       Fault = "revoked_token"
	TooFewRights       Fault = "too_few_rights"
	UnsupportedVersion Fault = "unsupported_version"
	MissingVersion     Fault = "missing_version"
	BadMediaType       Fault = "bad_media_type"
	NotFound           Fault = "not_found"
	BadMethod          Fault = "bad_method"
	ServerFault        Fault = "server_fault"
	// TooManyRequests and Unavailable ask for another try later.
	TooManyRequests Fault = "too_many_requests"
	Unavailable     Fault = "unavailable"
)

// Basis says how well a fact is known.
type Basis string

// The bases. A Choice is the sandbox's own answer where no document speaks.
const (
	Documented Basis = "documented"
	Observed   Basis = "observed"
	Choice     Basis = "choice"
)
