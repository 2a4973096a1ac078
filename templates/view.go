// Package templates draws every page of the playground. It knows nothing but
// the view structs of this file: handlers fill them, components show exactly
// what they hold, and the whole page and the htmx fragment call the same
// components.
//
// Three addresses come from the product page itself and need no view field:
// forms send their fields under the names of FieldView.Name and Hidden, the
// answer always sits under the id "answer", and the part that htmx swaps is
// the element with the id "play".
package templates

import "time"

// Page is what every page shares: the head, the bar on top and the foot.
type Page struct {
	// Title is the document's title without the program's name.
	Title string
	// Description is one sentence for search engines; empty means a general one.
	Description string
	// Theme is "auto", "light" or "dark".
	Theme string
	// Assets are the addresses of the page's own files. Required.
	Assets Assets
	// Bar is the bar on top.
	Bar BarView
	// Foot is the end of the page.
	Foot FootView
	// NoIndex asks search engines to stay away; set it on everything but home
	// and the untouched product pages.
	NoIndex bool
}

// Assets are addresses with a content hash in them, as the static package
// gives them.
type Assets struct {
	CSS, Script, Htmx, Icon string
}

// Link is one choice of a menu or one link of a row.
type Link struct {
	Text, Href string
	// Current marks the choice that the page shows now.
	Current bool
}

// Hidden is one field that a form carries unseen.
type Hidden struct {
	Name, Value string
}

// BarView is the bar on top of every page. An empty menu is not drawn.
type BarView struct {
	// Home is where the name leads; empty means "/".
	Home string
	// Product and Target are the words on the closed menus.
	Product, Target string
	Products        []Link
	Targets         []Link
	// OwnTarget is the form to type a real server's address, where the profile
	// allows it.
	OwnTarget *TargetForm
	// Caller says who makes the calls, as a sentence without a full stop.
	Caller string
	// Themes are the three themes as links to the same page.
	Themes []Link
}

// TargetForm asks for a real server. It posts x.host and x.port.
type TargetForm struct {
	Action string
	// Host and Port are what was typed, or the product's default port.
	Host, Port string
	// Error is the sentence about a refused address; the menu is open then.
	Error string
}

// FootView is the end of every page.
type FootView struct {
	// Profile and Egress are plain sentences, such as "Profile local." and
	// "This server may call the sandbox and the listed targets."
	Profile, Egress string
	// People and Choices are the addresses of those pages; empty means theirs
	// without a query.
	People, Choices string
	// Product is the name of the page's product; Swagger and Document lead to
	// the description of its API, as Swagger UI and as JSON. Empty on pages of
	// no product.
	Product, Swagger, Document string
}

// ActionView is one thing to do next. With Post it is a form of one button,
// otherwise a link.
type ActionView struct {
	Text string
	// Post is the address that a form posts to; Hidden are its fields.
	Post   string
	Hidden []Hidden
	// Href is the address of a link.
	Href string
	// Next fills the button: it is the one next step of the page. At most one
	// action or operation of a page has it.
	Next bool
}

// NoticeView is one line above the work: what just happened to the session,
// such as "Forgotten. No token of this product is kept any more."
type NoticeView struct {
	Text string
	// Bad says that something went wrong; it is announced as an alert.
	Bad bool
}

// HomeView is the page that offers the products.
type HomeView struct {
	Page Page
	// Resume are the products whose tokens the session holds, newest first.
	Resume   []ResumeView
	Products []ProductCard
	// Notice is nil when nothing needs saying.
	Notice *NoticeView
	// ForgetAction is where "Forget everything" posts; empty without a session.
	ForgetAction string
}

// ResumeView is one product with tokens in the session.
type ResumeView struct {
	Product, Href string
	State         State
	// Sentence is the state in words: "valid for 52 min 18 s".
	Sentence string
	// Step is where the procedure stands: "Step 4 of 7: click Explore".
	Step string
}

// ProductCard is one product on the home page.
type ProductCard struct {
	Name, Href string
	// Call is method and path of the token call: "POST /token".
	Call string
	// Port is the product's own port as text.
	Port string
	// Buttons is the ritual in the page's words: "Try it out, Execute".
	Buttons string
	// Tokens says what is issued, in a few words: "JWT, 15 min; refresh 14 d".
	Tokens string
	// By is who described the product, if it did not come with the program.
	By string
}

// State is the state of a product's tokens in a session, as in the JSON of an
// answer.
type State string

// The five states.
const (
	StateNone    State = "none"
	StateMFA     State = "mfa_pending"
	StateValid   State = "valid"
	StateExpired State = "expired_refreshable"
	StateDead    State = "dead"
)

// ProductView is the playground page of one product.
type ProductView struct {
	Page Page
	// ID is the product's path segment.
	ID string
	// Self is the GET address of exactly this view (op, grant, view, x, target,
	// version), never with a secret and never with fill or reveal. The script
	// puts it into the address bar after a swap and asks for it again when a
	// token expires.
	Self string
	// Heading is the title of the product's own Swagger page; Lead a sentence.
	Heading, Lead string
	// Modern is the two-step ritual (Try it out, then Execute); the classic one
	// has a single Try it out that sends.
	Modern bool
	// Real names the real server that is the target, "vbr01.example:9419";
	// empty for the sandbox.
	Real   string
	Notice *NoticeView
	Key    KeyView
	State  StateView
	Groups []GroupView
	Steps  StepsView
	Tokens TokensView
	// Clock is the sandbox's; nil for a real target.
	Clock *ClockView
	// World is the sandbox's settings; nil for a real target.
	World *WorldView
	// Authenticator is set while a sandbox person has to enter a code.
	Authenticator *AuthenticatorView
	// Notes are sentences about the product that surprise.
	Notes []string
	// History is newest first.
	History []HistoryRow
}

// KeyView is the api_key field on top.
type KeyView struct {
	// Mask is the access token, shortened: "eyJ…·a1b2c3"; empty without one.
	Mask string
	// Exchange is the number of the exchange that filled it, zero when it was
	// pasted; ExchangeHref its page.
	Exchange     int
	ExchangeHref string
	// Explore posts to validate the token; empty draws no button. Fields of the
	// form are Hidden.
	Explore string
	Hidden  []Hidden
	// ExploreNext fills the button.
	ExploreNext bool
	// Whole is the whole token, only when it was asked for; then Hide is the
	// address without it. Otherwise Show is the address that shows it; empty
	// draws no link.
	Whole, Show, Hide string
	// Paste is where the person's own token posts to (field x.key); empty draws
	// no form. PasteError is the sentence about a refused one.
	Paste, PasteError string
}

// StateView is the state sentence with its next step.
type StateView struct {
	State State
	// Sentence is the state in words. When Until is set, the time left follows
	// it: "Valid for" + "52 min 18 s".
	Sentence string
	// Until is when the time runs out and Now the time of this page, both by
	// the clock that the tokens live by. Zero draws no timer.
	Until, Now time.Time
	// Left is the time left in words, as of Now, in the form that the script
	// goes on with: two units of d, h, min and s, such as "13 d 23 h",
	// "1 h 2 min", "52 min 18 s", "9 s".
	Left string
	// Detail is the quiet second sentence: "until 11:36:22 UTC".
	Detail string
	// Action is the next step; nil draws none. Narrow stands in its place on a
	// phone, where the strip is all that stays in sight.
	Action, Narrow *ActionView
}

// GroupView is one resource of the product's Swagger page.
type GroupView struct {
	// ID is unique on the page, of letters, digits and dashes.
	ID, Name string
	// Note is a few quiet words: "2 operations".
	Note       string
	Open       bool
	Operations []OperationView
}

// OperationView is one call: what it takes, what it gives, and the answer to
// it that the page shows.
type OperationView struct {
	// ID is the value of the query's op: "token", "explore", "logout".
	ID string
	// Method in capitals, Path as the product writes it.
	Method, Path string
	Summary      string
	Open         bool
	// Href is the deep link to this operation, opened.
	Href string
	// Intro is a sentence or two above the fields; may be empty.
	Intro string
	// Person is the sandbox account to use, nil for a real target. Fill and
	// its people link are drawn from it.
	Person *PersonHint
	// Source leads to what gives the values of the form; nil where a person
	// knows them, or the session keeps them.
	Source *SourceView
	// Action is where the form posts; Hidden are x.op, x.target and the like
	// (x.version only where no field of that name is in Fields).
	Action string
	Hidden []Hidden
	// Change is the address that shows the form of another grant, which the
	// script asks for, and ChangeHidden what goes with it (op, target, version
	// …, not grant).
	Change       string
	ChangeHidden []Hidden
	// Fields are all parameters in the product's order, headers included.
	Fields []FieldView
	// Errors are the sentences beside the fields once more, as links on top.
	Errors []FieldError
	// Tried says, in the modern ritual, that Try it out was pressed: fields can
	// be typed in and Execute and Cancel are there. Try and Cancel are GET
	// addresses.
	Tried       bool
	Try, Cancel string
	// Encoding chooses how the body is written; nil where there is one way.
	Encoding *FieldView
	// Fault chooses what goes wrong; nil for a real target.
	Fault *FaultView
	// Next fills the send button (or Try it out, when it is not pressed yet).
	Next bool
	// Gives documents the answers, usually one for the success.
	Gives []GivesView
	// Answer is the answer shown below the form; nil for none. At most one
	// operation of a page has one.
	Answer *AnswerView
}

// FaultView is the drop-down of what is to go wrong in the sandbox.
type FaultView struct {
	// Name is the field's.
	Name    string
	Options []Option
	// Told says what the chosen fault will do; empty for none.
	Told string
}

// SourceView leads to the call or the grant whose answer a form asks for.
type SourceView struct {
	Text, Href string
	// SignIn says that the call needs a token that is not there yet.
	SignIn bool
}

// PersonHint offers the sandbox account.
type PersonHint struct {
	// Username and Password are empty where the form asks for neither.
	Username, Password string
	// Fill is the GET address that shows the form filled in (fill=1, and try in
	// the modern ritual); empty draws no button.
	Fill string
	// FillText is what the button says.
	FillText string
	// People is the address of the list of all sandbox people.
	People string
}

// Control is how a field is typed.
type Control string

// The controls.
const (
	// ControlText is one line of text, the zero value's meaning too.
	ControlText Control = "text"
	// ControlPassword hides what is typed and offers to show it.
	ControlPassword Control = "password"
	// ControlToken is a long secret: password-like, without autocomplete.
	ControlToken Control = "token"
	// ControlCode is a six-digit code.
	ControlCode Control = "code"
	// ControlSelect offers Options.
	ControlSelect Control = "select"
	// ControlGrant is the grant's drop-down, under FieldView.Name. With script
	// a choice asks for OperationView.Change with that name; without, its
	// Change button posts x.change with the form.
	ControlGrant Control = "grant"
	// ControlFixed shows Value as text: it is sent by itself.
	ControlFixed Control = "fixed"
)

// FieldView is one parameter of an operation.
type FieldView struct {
	// Name is the form's name: the wire name, or x.version and the like.
	Name string
	// Wire is the name on the wire, which the page shows.
	Wire string
	// Label is the name in words: "Account name".
	Label string
	// Type and In are as Swagger shows them: "string", "form field".
	Type, In string
	Required bool
	// Default is shown as documented; empty says nothing.
	Default string
	Control Control
	// Value is typed already. Never a secret that the person typed.
	Value       string
	Options     []Option
	Placeholder string
	// Autocomplete is the HTML value; empty means "off".
	Autocomplete string
	// Hint is a sentence below the control.
	Hint string
	// Error is the sentence about a refused value.
	Error string
}

// Option is one choice of a drop-down. Text may differ from the value, as in
// "password (default)".
type Option struct {
	Value, Text string
	Selected    bool
}

// FieldError links from the summary to a field of the same operation.
type FieldError struct {
	// Name is the FieldView's Name; empty links nowhere.
	Name, Text string
}

// GivesView documents one answer of an operation.
type GivesView struct {
	// Title is "What a 200 carries".
	Title  string
	Fields []GivesField
	// Text says it in a sentence where there are no fields.
	Text string
}

// GivesField is one field of a documented answer.
type GivesField struct {
	Name, Type, Meaning string
}

// AnswerView is one exchange as its operation shows it: the answer and what
// it means.
type AnswerView struct {
	// Number and Href are the exchange and its page.
	Number int
	Href   string
	// Status is the status in words, "200 Success", or what happened instead,
	// "No answer".
	Status string
	// Good colours the status.
	Good bool
	// Sentence says what it means.
	Sentence string
	// Facts are short: duration, time, which token was sent, size.
	Facts []string
	// Asked explains a fault that the sandbox was asked for; nil for none.
	Asked *AskedView
	// Why explains a refusal or a failure; nil when there is nothing to explain.
	Why *WhyView
	// Checks are Explore's four.
	Checks []CheckView
	// Certificate is shown when TLS was not trusted.
	Certificate *CertificateView
	// Views are the views of this answer as links, the shown one marked. Of
	// Code, Headers and Decoded the page shows whichever is set.
	Views   []Link
	Code    *CodeView
	Headers []HeaderRow
	// HeadersDownload is where Headers can be had as text; empty draws no link.
	HeadersDownload string
	Decoded         []DecodedView
	// Did says what the page did with the answer: "api_key filled." and, less
	// loud, "Refresh token kept in your session."
	Did, DidMore string
	// Onward is where what was kept is used; nil draws nothing.
	Onward *ActionView
	// Unknown are names in the answer that the product's documents do not have.
	Unknown []string
	// Remarks are contradictions in the answer, as sentences.
	Remarks []string
	// Choice marks what no document says and the sandbox chose, as a sentence.
	Choice string
	// Choices leads to all of them.
	Choices string
	// Save is the card for the refresh token.
	Save *SaveView
}

// AskedView is a fault that was asked for: what it does, and what a good
// client does about it.
type AskedView struct {
	Title, Text, Advice string
	Action              *ActionView
}

// WhyView is one sentence with its next step.
type WhyView struct {
	Title, Text string
	Action      *ActionView
}

// Verdict is how one check went.
type Verdict string

// The verdicts, as the page writes them.
const (
	Passed     Verdict = "Passed"
	Failed     Verdict = "Failed"
	NotChecked Verdict = "Not checked"
)

// CheckView is one check of Explore.
type CheckView struct {
	Verdict Verdict
	// Title is the check, "In time"; Text the sentence with its evidence.
	Title, Text string
}

// CertificateView is the certificate of a target that is not trusted yet.
type CertificateView struct {
	// Title says why: "This certificate is signed by itself".
	Title, Text     string
	Subject, Issuer string
	Names           []string
	// From and To are the days of its validity, in words.
	From, To string
	// Fingerprint is the SHA-256 in upper-case hex pairs with colons.
	Fingerprint string
	// Action is where the trust posts, with x.fingerprint (= Value) and Hidden;
	// empty where the operator does not allow it.
	Action string
	Value  string
	Hidden []Hidden
}

// CodeView is text that travels on the wire, or a command.
type CodeView struct {
	Lines []CodeLine
	// Label names it for a screen reader: "Body".
	Label string
	// Download is an address that answers with the plain text; empty draws no
	// link.
	Download string
	// Note is a sentence below: "Cut after 64 KB of 1.2 MB. The download has all."
	Note string
}

// CodeLine is one line of highlighted text, without its line feed.
type CodeLine struct {
	Spans []Span
}

// Span is a run of text. Class is a Chroma class (nt, s2, mi, kc, p …), "tok"
// for a token, or empty.
type Span struct {
	Class, Text string
}

// HeaderRow is one header as it came.
type HeaderRow struct {
	Name, Value string
	// Meaning is a few words where they help.
	Meaning string
}

// DecodedView is one token, read.
type DecodedView struct {
	// Title is "Access token"; Text says what it is, for whom and how long.
	Title, Text string
	// Opaque tokens have neither header nor claims: Text says so.
	Opaque bool
	Header []ClaimRow
	Claims []ClaimRow
}

// ClaimRow is one member of a token's header or payload.
type ClaimRow struct {
	Name, Value, Meaning string
	// Date is the human form of a numeric date: "10:51:23 UTC, 12 March 2026".
	Date string
}

// SaveView is the card "Save the refresh token".
type SaveView struct {
	// Text is a sentence or two on what it is good for.
	Text string
	// Whole is the whole token once it was asked for; Show the address that
	// shows it (reveal=refresh), Hide the one without.
	Whole, Show, Hide string
	// Stores are the secret stores with their commands.
	Stores []StoreView
}

// StoreView says how one secret store keeps a token.
type StoreView struct {
	// Name is "PowerShell SecretStore"; Commands one command a line.
	Name     string
	Commands []string
}

// StepsView is the product's documented procedure.
type StepsView struct {
	// Title is "Procedure: get authorization tokens".
	Title string
	// Source says where the procedure is documented, in words.
	Source string
	Steps  []StepView
}

// Current gives the current step's number, from one, and the step; zero when
// every step is done.
func (v StepsView) Current() (int, StepView) {
	for i, s := range v.Steps {
		if s.Current {
			return i + 1, s
		}
	}
	return 0, StepView{}
}

// StepView is one step of the procedure.
type StepView struct {
	Title         string
	Done, Current bool
	// Exchange proved it, with Proof in words after it ("200 with both
	// tokens"); zero when nothing of the wire does. Proof of an open step says
	// what would prove it.
	Exchange     int
	ExchangeHref string
	Proof        string
	// Link leads to the step's control; drawn on the current step.
	Link *Link
}

// TokensView is the panel of the kept pair.
type TokensView struct {
	// Tokens is empty without a pair.
	Tokens []TokenView
	// Decode is the address of the decoded view; empty draws no link.
	Decode string
	// Forget is where "Forget both" posts.
	Forget string
	Hidden []Hidden
}

// TokenView is one kept token.
type TokenView struct {
	// Name is "Access" or "Refresh".
	Name, Mask string
	// Left is the time left in words ("52 min 18 s", after which the page says
	// "left") or, once Expired, what happened ("Expired 2 min ago"). Of is its
	// life: "of 59 min 59 s".
	Left, Of string
	// Until and Now let the time count down, as in StateView; zero holds it.
	Until, Now time.Time
	// Seconds left and of the whole life, for the meter. A Life of zero draws
	// no meter.
	Seconds, Life int64
	Expired       bool
	// Note marks a life that no document names: "our choice"; Choices leads to
	// all of them.
	Note, Choices string
}

// ClockView is the clock of the visitor's sandbox.
type ClockView struct {
	// Now is its time, which the script lets run.
	Now time.Time
	// Time is "10:44:04", Date "12 March 2026"; both UTC.
	Time, Date string
	// Ahead is "5 min ahead of the real time"; empty where it is not.
	Ahead string
	// Said is what the last move came to; empty before one.
	Said  string
	Moves []MoveView
}

// MoveView is one button of the clock.
type MoveView struct {
	// ID is unique among the moves.
	ID, Text string
	// Post is where the button posts Hidden.
	Post   string
	Hidden []Hidden
	// Why is the reason why it cannot be pressed now; empty if it can.
	Why string
}

// WorldView is how the visitor's sandbox is set. Its form posts strict, grace,
// chance and seed; a second one posts reset.
type WorldView struct {
	Post                  string
	Strict, Grace, Chance []Option
	Seed                  string
	// State says in a few words what is not as at first; empty for nothing.
	State string
	// Said is what the last change came to; the settings are open then.
	Said string
}

// AuthenticatorView is the sandbox's built-in authenticator.
type AuthenticatorView struct {
	// Code is the six-digit code that is good now; Seconds how long.
	Code    string
	Seconds int
	// Fill is the GET address that shows the form with the code filled in.
	Fill string
}

// HistoryRow is one exchange of the session.
type HistoryRow struct {
	Number int
	Href   string
	// Time is UTC, "10:36:23".
	Time         string
	Method, Path string
	Status       string
	Good         bool
	// Sent is the shortened token that went with it, or "none".
	Sent string
	// Took is the duration with its unit.
	Took string
}

// ExchangeView is the page of one recorded exchange, with nothing folded.
type ExchangeView struct {
	Page Page
	// Product and Back lead to the product's page.
	Product, Back string
	// Heading is "Exchange 4"; Lead says operation, target and time.
	Heading, Lead string
	Method, Path  string
	// Answer is drawn without its Views: every part below is on the page.
	Answer  AnswerView
	Body    *CodeView
	Headers []HeaderRow
	// HeadersDownload is as in AnswerView.
	HeadersDownload string
	Request         *CodeView
	Curl            *CodeView
	Decoded         []DecodedView
	// Older and Newer are the neighbours; empty at the ends.
	Older, Newer string
}

// ProblemView is a refusal of our own.
type ProblemView struct {
	Page Page
	// Status is the HTTP status.
	Status int
	// Title is short ("No such product"), Text says why and what to do.
	Title, Text string
	// ListTitle and List offer what there is: the products, the operations.
	ListTitle string
	List      []Link
	// Action is the way on; nil draws a link home.
	Action *ActionView
	// Reference is the request id to quote to the operator; may be empty.
	Reference string
}

// PeopleView lists the sandbox's people.
type PeopleView struct {
	Page   Page
	People []PersonRow
	// Notes are further sentences, such as a spelling that one product takes.
	Notes []string
	// Choices leads to what the sandbox answers where no document says.
	Choices string
}

// PersonRow is one sandbox person.
type PersonRow struct {
	Name, Password string
	// What says what happens to whoever signs in so.
	What string
}

// FidelityView tells what of the sandbox is documented and what it chose.
type FidelityView struct {
	Page Page
	// Products and Shows filter the page.
	Products, Shows []Link
	Groups          []FactGroup
	// Open says that the document of some line is not named.
	Open bool
}

// FactGroup is one product.
type FactGroup struct {
	// ID is unique on the page, Product the name in words, Href its page.
	ID, Product, Href string
	Open              bool
	Counts            []FactCount
	Rows              []FactRow
}

// Basis says how well a fact is known; the zero value, that nobody said.
type Basis string

// The bases.
const (
	Documented Basis = "documented"
	Observed   Basis = "observed"
	Choice     Basis = "choice"
)

// FactCount is how many facts of a group have a basis.
type FactCount struct {
	Basis  Basis
	Number int
}

// FactRow is one fact: what it is about, what the sandbox does, how well that
// is known, and from where or why.
type FactRow struct {
	Part, What, Answer string
	Basis              Basis
	Source             string
}
