package templates

import (
	"strings"
	"time"

	"github.com/a-h/templ"
)

// The samples are views as handlers build them, of two products that do not
// exist: "classic" has one button, "modern" has two.

var (
	sampleNow   = time.Date(2026, 3, 12, 10, 44, 4, 0, time.UTC)
	sampleToken = strings.Repeat("YCDmyh2VTorfdBzu5RZZ-a1XGsMx3TmCIQAcBuGPaLjAooM6nnOWGdlvtZtg", 4)
	sampleJWT   = "eyJhbGciOiJSUzUxMiIsImtpZCI6IjdDMUQ5RTBBNTRCMkYzODg2RDEwQzRBN0U5MkI1RjYzMDFEOEFDNEUiLCJ0eXAiOiJKV1QifQ.eyJ1bmlxdWVfbmFtZSI6ImFkbWluaXN0cmF0b3IiLCJuYmYiOjE3NzMzMTE3ODMsImV4cCI6MTc3MzMxMjY4MywiaWF0IjoxNzczMzExNzgzLCJhdWQiOiJhY2Nlc3MifQ." + strings.Repeat("yVWyTNBijmboD7Vb4q1GKOJmFxdKd1Zeu6lrTa97830ujFO5a8Yl", 6)
)

func samplePage(title, path, theme string) Page {
	p := Page{
		Title:       title,
		Description: "Get API tokens, use them, refresh them, and see every byte of it.",
		Theme:       theme,
		Assets:      Assets{CSS: "/static/app.css", Script: "/static/app.js", Htmx: "/static/htmx.js", Icon: "/static/favicon.svg"},
		Foot:        FootView{Profile: "Profile local.", Egress: "This server may call the sandbox and any server that you type."},
	}
	for _, t := range []string{"Auto", "Light", "Dark"} {
		p.Bar.Themes = append(p.Bar.Themes, Link{Text: t, Href: path + "?theme=" + strings.ToLower(t), Current: strings.EqualFold(t, theme)})
	}
	return p
}

func sampleProductPage(name, path string) Page {
	p := samplePage(name, path, "auto")
	p.Bar.Product, p.Bar.Target, p.Bar.Caller = name, "Sandbox", "Calls are made by this server"
	p.Bar.Products = []Link{
		{Text: "Example Availability Console", Href: "/classic", Current: path == "/classic"},
		{Text: "Example Backup & Replication", Href: "/modern", Current: path == "/modern"},
		{Text: "All products", Href: "/"},
	}
	p.Bar.Targets = []Link{{Text: "Sandbox", Href: path + "?target=sandbox", Current: true}, {Text: "Lab server", Href: path + "?target=lab"}}
	p.Bar.OwnTarget = &TargetForm{Action: path + "/target", Port: "9419"}
	return p
}

func line(pairs ...string) CodeLine {
	var l CodeLine
	for i := 0; i < len(pairs); i += 2 {
		l.Spans = append(l.Spans, Span{Class: pairs[i], Text: pairs[i+1]})
	}
	return l
}

func sampleBody(access, refresh string) *CodeView {
	return &CodeView{Label: "Body", Download: "/classic/exchanges/4?part=body", Lines: []CodeLine{
		line("p", "{"),
		line("", "  ", "nt", `"access_token"`, "p", ": ", "s2", `"`, "tok", access, "s2", `"`, "p", ","),
		line("", "  ", "nt", `"token_type"`, "p", ": ", "s2", `"bearer"`, "p", ","),
		line("", "  ", "nt", `"expires_in"`, "p", ": ", "mi", "3599", "p", ","),
		line("", "  ", "nt", `"refresh_token"`, "p", ": ", "s2", `"`, "tok", refresh, "s2", `"`),
		line("p", "}"),
	}}
}

func sampleGrant(name string, texts ...string) FieldView {
	f := FieldView{Name: name, Wire: name, Label: "How you sign in", Type: "string", In: "form field", Required: true, Control: ControlGrant}
	for i, t := range texts {
		value, _, _ := strings.Cut(t, " ")
		f.Options = append(f.Options, Option{Value: value, Text: t, Selected: i == 0})
	}
	return f
}

func sampleViews(path, current string) []Link {
	var out []Link
	for _, v := range []string{"Body", "Headers", "Request", "curl", "Decoded"} {
		out = append(out, Link{Text: v, Href: path + "?op=token&view=" + strings.ToLower(v) + "&x=4", Current: v == current})
	}
	return out
}

func sampleTokenOp(path, wire string) OperationView {
	return OperationView{
		ID: "token", Method: "POST", Path: wire, Summary: "Obtain or refresh a pair of tokens", Open: true,
		Href: path + "?op=token", Action: path + "/token",
		Intro:  "Use an account with Portal Administrator privileges.",
		Person: &PersonHint{Username: "administrator", Password: "Password1", Fill: path + "?fill=1&op=token", FillText: "Fill in the sandbox account", People: "/people"},
		Hidden: []Hidden{{"x.op", "token"}, {"x.target", "sandbox"}},
		Change: path, ChangeHidden: []Hidden{{"op", "token"}},
		Fields: []FieldView{
			sampleGrant("grant_type", "password (default)", "refresh_token"),
			{Name: "username", Wire: "username", Label: "Account name", Type: "string", In: "form field", Required: true, Autocomplete: "username", Hint: `The form console\administrator works too.`},
			{Name: "password", Wire: "password", Label: "Account password", Type: "string", In: "form field", Required: true, Control: ControlPassword, Autocomplete: "current-password", Hint: "Sent once, then dropped. It is never stored, shown or logged."},
		},
		Next: true,
		Gives: []GivesView{{Title: "What a 200 carries", Fields: []GivesField{
			{"access_token", "string", "Goes into the Authorization header of every other call."},
			{"token_type", "string", "Always bearer."},
			{"expires_in", "int32", "Seconds until the access token expires."},
			{"refresh_token", "string", "Gets the next pair."},
		}}},
	}
}

func sampleClassic() ProductView {
	v := ProductView{
		Page: sampleProductPage("Example Availability Console", "/classic"),
		ID:   "classic", Self: "/classic?op=token",
		Heading: "Example.Portal.WebAPI", Lead: "Example Availability Console 3. Get a pair of tokens, use it, refresh it, log out.",
		State: StateView{State: StateNone, Sentence: "No token yet", Detail: "Get a pair with POST /token."},
		Key:   KeyView{Paste: "/classic/key"},
		Groups: []GroupView{
			{ID: "accounts", Name: "Accounts", Note: "2 operations", Open: true, Operations: []OperationView{
				sampleTokenOp("/classic", "/token"),
				{ID: "logout", Method: "POST", Path: "/accounts/logout", Summary: "End the session when you finish working", Href: "/classic?op=logout", Action: "/classic/accounts/logout",
					Intro: "Sends the access token and nothing else.", Hidden: []Hidden{{"x.op", "logout"}},
					Fields: []FieldView{{Name: "Authorization", Wire: "Authorization", Label: "The access token", Type: "string", In: "header", Required: true, Control: ControlFixed, Value: "Bearer <api_key>"}},
					Gives:  []GivesView{{Title: "What a 200 carries", Text: "The sentence “You have been logged out.”"}}},
			}},
			{ID: "tenants", Name: "Tenants", Note: "GET /v2/tenants, the protected call behind Explore"},
		},
		Steps: StepsView{Title: "Procedure: get authorization tokens", Source: "As the product’s guide describes it.", Steps: []StepView{
			{Title: "Expand Accounts, click POST /token", Done: true},
			{Title: "Make sure that password (default) is selected", Done: true},
			{Title: "Enter user name and password, click Try it out", Current: true, Proof: "Proven when a 200 carries both tokens", Link: &Link{Text: "Show me the form", Href: "#op-token"}},
			{Title: "Save the refresh token"},
			{Title: "Click Explore to validate the access token"},
			{Title: "Refresh with refresh_token"},
			{Title: "Log out"},
		}},
	}
	return v
}

func sampleValid() ProductView {
	v := sampleClassic()
	v.Self = "/classic?op=token&x=4"
	until := sampleNow.Add(52*time.Minute + 18*time.Second)
	v.State = StateView{State: StateValid, Sentence: "Valid for", Until: until, Now: sampleNow, Left: "52 min 18 s", Detail: "until 11:36:22 UTC", Action: &ActionView{Text: "Refresh", Post: "/classic/refresh"}}
	v.Key = KeyView{Mask: "YCDmyh…·a1b2c3", Exchange: 4, ExchangeHref: "/classic/exchanges/4", Explore: "/classic/explore", ExploreNext: true, Show: "/classic?reveal=access", Paste: "/classic/key"}
	op := &v.Groups[0].Operations[0]
	op.Next = false
	op.Answer = &AnswerView{
		Number: 4, Href: "/classic/exchanges/4", Status: "200 Success", Good: true, Sentence: "The server issued a new pair of tokens.",
		Facts: []string{"41 ms", "10:36:23 UTC", "No token was sent", "510 bytes"},
		Views: sampleViews("/classic", "Body"), Code: sampleBody(sampleToken, sampleToken[9:200]),
		Did: "api_key filled from this answer.", DidMore: "The refresh token is kept in your session.",
		Save: &SaveView{Text: "You need it when the access token expires. It stays in your session on this server until you log out. To use it in a script, put it in a secret store, not in a file.",
			Show: "/classic?op=token&reveal=refresh",
			Stores: []StoreView{
				{"PowerShell SecretStore", []string{"Install-Module Microsoft.PowerShell.SecretManagement, Microsoft.PowerShell.SecretStore", "Set-Secret -Name example-refresh -Secret (Read-Host -AsSecureString)"}},
				{"macOS Keychain", []string{"security add-generic-password -a administrator -s example-refresh -w"}},
				{"Linux keyring", []string{"secret-tool store --label='Example refresh token' service example-refresh"}},
			}},
	}
	v.Steps.Steps[2] = StepView{Title: "Enter user name and password, click Try it out", Done: true, Exchange: 4, ExchangeHref: "/classic/exchanges/4", Proof: "200 with both tokens"}
	v.Steps.Steps[3].Done = true
	v.Steps.Steps[3].Proof = "Kept in your session at 10:36:23"
	v.Steps.Steps[4].Current = true
	v.Steps.Steps[4].Proof = "Proven when a protected call answers 200"
	v.Steps.Steps[4].Link = &Link{Text: "Show me the button", Href: "#api_key"}
	v.Tokens = TokensView{Decode: "/classic?op=token&view=decoded", Forget: "/classic/forget", Tokens: []TokenView{
		{Name: "Access", Mask: "YCDmyh…·a1b2c3", Left: "52 min 18 s", Of: "of 59 min 59 s", Until: until, Now: sampleNow, Seconds: 3138, Life: 3599},
		{Name: "Refresh", Mask: "yNdX1q…·5d09fe", Left: "13 d 23 h", Of: "of 14 d,", Note: "our choice", Until: sampleNow.Add(335*time.Hour + 52*time.Minute), Now: sampleNow, Seconds: 1209120, Life: 1209600},
	}}
	v.History = []HistoryRow{
		{4, "/classic/exchanges/4", "10:36:23", "POST", "/token", "200 Success", true, "none", "41 ms"},
		{3, "/classic/exchanges/3", "10:35:50", "POST", "/accounts/logout", "200 Success", true, "mCIQAc…·c07e12", "18 ms"},
		{2, "/classic/exchanges/2", "10:31:02", "POST", "/token", "200 Success", true, "none", "44 ms"},
		{1, "/classic/exchanges/1", "10:30:41", "POST", "/token", "400 invalid_grant", false, "none", "39 ms"},
	}
	return v
}

func sampleShown() ProductView {
	v := sampleValid()
	v.Key.Whole, v.Key.Show, v.Key.Hide = sampleToken, "", "/classic"
	a := v.Groups[0].Operations[0].Answer
	a.Save.Whole, a.Save.Show, a.Save.Hide = sampleToken[9:200], "", "/classic"
	a.Views, a.Code = sampleViews("/classic", "Headers"), nil
	a.HeadersDownload = "/classic/exchanges/4?part=headers"
	a.Headers = []HeaderRow{
		{"Content-Type", "application/json; charset=utf-8", ""},
		{"Cache-Control", "no-store", "Nothing between you and the server may keep this answer."},
		{"Date", "Thu, 12 Mar 2026 10:36:23 GMT", ""},
		{"X-Sandbox", "Token Playground", "Says that the sandbox answered. The product does not send it."},
	}
	return v
}

func sampleModern() ProductView {
	v := sampleClassic()
	v.Page = sampleProductPage("Example Backup & Replication", "/modern")
	v.ID, v.Modern, v.Self = "modern", true, "/modern?op=token"
	v.Heading, v.Lead = "Example Backup & Replication REST API", "Port 9419. Every call, the token call too, carries x-api-version."
	v.Key.Paste = "/modern/key"
	op := sampleTokenOp("/modern", "/api/oauth2/token")
	op.Intro = ""
	op.Try, op.Cancel = "/modern?op=token&try=token&fill=1", "/modern?op=token"
	op.Person.Fill = ""
	op.Fields = append([]FieldView{{Name: "x.version", Wire: "x-api-version", Label: "Revision", Type: "string", In: "header", Required: true, Control: ControlSelect, Options: []Option{{"1.3-rev2", "1.3-rev2", true}, {"1.3-rev1", "1.3-rev1", false}, {"1.0-rev1", "1.0-rev1", false}}}}, op.Fields...)
	op.Fields = append(op.Fields, FieldView{Name: "use_short_term_refresh", Wire: "use_short_term_refresh", Label: "Short refresh life", Type: "boolean", In: "form field", Default: "false", Control: ControlSelect, Options: []Option{{"", "not sent", true}, {"true", "true", false}, {"false", "false", false}}})
	op.Fields[2].Hint = ""
	logout := v.Groups[0].Operations[1]
	logout.Path, logout.Try, logout.Cancel = "/api/oauth2/logout", "/modern?op=logout&try=logout", "/modern?op=logout"
	v.Groups = []GroupView{
		{ID: "login", Name: "Login", Note: "2 operations", Open: true, Operations: []OperationView{op, logout}},
		{ID: "service", Name: "Service", Note: "1 operation, the protected call behind Explore", Operations: []OperationView{{
			ID: "explore", Method: "GET", Path: "/api/v1/serverInfo", Summary: "Name, build and platform of the backup server", Href: "/modern?op=explore", Action: "/modern/explore", Try: "/modern?op=explore&try=explore", Cancel: "/modern?op=explore",
			Fields: []FieldView{{Name: "Authorization", Wire: "Authorization", Label: "The access token", Type: "string", In: "header", Required: true, Control: ControlFixed, Value: "Bearer eyJ…·7c41e9"}},
		}}},
	}
	return v
}

func sampleTried() ProductView {
	v := sampleModern()
	op := &v.Groups[0].Operations[0]
	op.Tried = true
	op.Fields[2].Value, op.Fields[3].Value = "administrator", "Password1"
	return v
}

func sampleMissing() ProductView {
	v := sampleTried()
	op := &v.Groups[0].Operations[0]
	op.Person.Fill = "/modern?op=token&try=token&fill=1"
	op.Fields[3].Value = ""
	op.Fields[3].Error = "Enter the password. It was not kept."
	op.Errors = []FieldError{{"password", "Enter the password. It was not kept."}}
	return v
}

func sampleRefused() ProductView {
	v := sampleModern()
	v.State = StateView{State: StateExpired, Sentence: "Access token expired 2 min 10 s ago", Detail: "A refresh token is still good for 13 d 23 h.", Action: &ActionView{Text: "Refresh", Post: "/modern/refresh", Next: true}}
	v.Key = KeyView{Mask: "eyJ…·7c41e9", Exchange: 2, ExchangeHref: "/modern/exchanges/2", Explore: "/modern/explore", Show: "/modern?reveal=access", Paste: "/modern/key"}
	v.Groups[0].Operations[0].Open, v.Groups[0].Operations[0].Next = false, false
	v.Groups[1].Open = true
	op := &v.Groups[1].Operations[0]
	op.Open = true
	op.Answer = &AnswerView{
		Number: 5, Href: "/modern/exchanges/5", Status: "401 Unauthorized", Sentence: "The server refused the token.",
		Facts: []string{"12 ms", "10:53:33 UTC", "Sent eyJ…·7c41e9", "97 bytes"},
		Why:   &WhyView{Title: "The access token expired 2 min 10 s ago.", Text: "Its exp is 10:51:23 and the answer’s Date header says 10:53:33. Refresh it, then click Explore again."},
		Checks: []CheckView{
			{Passed, "Well-formed", "A signed token (JWT) of three parts, with every claim the product documents."},
			{Failed, "In time", "It expired at 10:51:23 UTC, 2 min 10 s ago."},
			{Passed, "Meant for this", "Its aud is access, as this call needs."},
			{NotChecked, "Accepted", "Not counted: an expired token cannot be accepted."},
		},
		Views: sampleViews("/modern", "Body"),
		Code: &CodeView{Label: "Body", Download: "/modern/exchanges/5?part=body", Lines: []CodeLine{
			line("p", "{"), line("", "  ", "nt", `"errorCode"`, "p", ": ", "s2", `"ExpiredToken"`, "p", ","),
			line("", "  ", "nt", `"message"`, "p", ": ", "s2", `"Access token has expired."`, "p", ","),
			line("", "  ", "nt", `"resourceId"`, "p", ": ", "kc", "null"), line("p", "}"),
		}},
		Choice:  "The product’s documents name the code but quote no message for it. The wording is the sandbox’s choice.",
		Unknown: []string{"resourceId"},
	}
	v.Tokens = TokensView{Decode: "/modern?view=decoded", Forget: "/modern/forget", Tokens: []TokenView{
		{Name: "Access", Mask: "eyJ…·7c41e9", Left: "Expired 2 min 10 s ago", Of: "of 15 min", Seconds: 0, Life: 900, Expired: true},
		{Name: "Refresh", Mask: "eyJ…·40be77", Left: "13 d 23 h", Of: "of 14 d, single use", Seconds: 1209120, Life: 1209600},
	}}
	v.History = []HistoryRow{{5, "/modern/exchanges/5", "10:53:33", "GET", "/api/v1/serverInfo", "401 ExpiredToken", false, "eyJ…·7c41e9", "12 ms"}}
	return v
}

func sampleDecodedTokens() []DecodedView {
	return []DecodedView{
		{Title: "Access token", Text: "For calls to this product, good for 15 min. It is an access token: its aud is access.",
			Header: []ClaimRow{{"alg", "RS512", "How it is signed: RSA with SHA-512.", ""}, {"kid", "7C1D9E0A54B2F3886D10C4A7E92B5F6301D8AC4E", "Which key signed it.", ""}, {"typ", "JWT", "A JSON Web Token.", ""}},
			Claims: []ClaimRow{{"unique_name", "administrator", "Who signed in.", ""}, {"nbf", "1773311783", "Not good before.", "10:36:23 UTC, 12 March 2026"}, {"exp", "1773312683", "Expires.", "10:51:23 UTC, 12 March 2026"}, {"aud", "access", "What it is for.", ""}}},
		{Title: "Refresh token", Text: "This product’s refresh tokens are opaque: there is nothing to read in them. Only the server knows what they mean.", Opaque: true},
	}
}

func sampleHalfWay() ProductView {
	v := sampleTried()
	v.State = StateView{State: StateMFA, Sentence: "Half way: enter the six-digit code.", Detail: "The password was right.", Action: &ActionView{Text: "Enter code", Href: "#token-mfa_code"}}
	op := &v.Groups[0].Operations[0]
	op.Person = nil
	op.Fields = []FieldView{
		sampleGrant("grant_type", "Mfa", "Password", "Refresh_token"),
		{Name: "mfa_token", Wire: "mfa_token", Label: "From the last answer", Type: "string", In: "form field", Required: true, Control: ControlToken, Placeholder: "kept: eyJ…·55aa01", Hint: "Leave it empty to send the one that is kept."},
		{Name: "mfa_code", Wire: "mfa_code", Label: "Six digits from the authenticator", Type: "string", In: "form field", Required: true, Control: ControlCode, Hint: "Sent once, then dropped."},
	}
	v.Authenticator = &AuthenticatorView{Code: "492 039", Seconds: 18, Fill: "/modern?op=token&grant=Mfa&fill=1&try=token"}
	op.Answer = &AnswerView{
		Number: 1, Href: "/modern/exchanges/1", Status: "200 Success", Good: true, Sentence: "The password was right; the server asks for a code.",
		Facts: []string{"38 ms", "10:36:23 UTC", "No token was sent"}, Views: sampleViews("/modern", "Decoded"), Decoded: sampleDecodedTokens(),
	}
	return v
}

func sampleUntrusted() ProductView {
	v := sampleModern()
	v.Page.Bar.Target = "lab01.example:9419"
	v.Page.Bar.OwnTarget.Error = "That port is not a number between 1 and 65535."
	v.Page.Bar.OwnTarget.Host, v.Page.Bar.OwnTarget.Port = "lab01.example", "94190"
	v.Real = "lab01.example:9419"
	v.State = StateView{State: StateDead, Sentence: "Both tokens are finished.", Detail: "Sign in again to get a new pair.", Action: &ActionView{Text: "Sign in again", Href: "/modern?op=token&try=token", Next: true}}
	v.Notice = &NoticeView{Text: "Forgotten. No token of this product is kept any more."}
	op := &v.Groups[0].Operations[0]
	op.Next, op.Person = false, nil
	op.Answer = &AnswerView{
		Number: 1, Href: "/modern/exchanges/1", Status: "No answer", Sentence: "The server’s certificate is not trusted, so nothing was sent.",
		Facts: []string{"22 ms", "10:36:23 UTC", "No token was sent"},
		Why:   &WhyView{Title: "TLS stopped before the request.", Text: "The certificate is signed by itself. Compare its fingerprint with the server’s, then trust it."},
		Certificate: &CertificateView{Title: "The certificate that the server showed", Text: "Appliances are delivered with a certificate of their own. Trust it only if it is the one you expect.",
			Subject: "CN=lab01.example", Issuer: "CN=lab01.example", Names: []string{"lab01.example", "lab01"}, From: "1 January 2026", To: "1 January 2036",
			Fingerprint: strings.TrimSuffix(strings.Repeat("AB:3F:09:C4:", 8), ":"), Value: strings.Repeat("ab3f09c4", 8), Action: "/modern/trust"},
	}
	return v
}

// samples are all pages, by the name of their golden file.
func samples() map[string]templ.Component {
	home := HomeView{Page: samplePage("Choose a product", "/", "auto"), Products: []ProductCard{
		{"Example Availability Console", "/classic", "POST /token", "1281", "Try it out", "opaque, 1 h", ""},
		{"Example Backup & Replication", "/modern", "POST /api/oauth2/token", "9419", "Try it out, Execute", "JWT, 15 min; refresh 14 d", ""},
		{"Example Backup for a Cloud", "/cloud", "POST /api/oauth2/token", "443", "Try it out, Execute", "JWT, 1 h; refresh 14 d", ""},
		{"Example Backup for a Hypervisor", "/hyper", "POST /api/oauth2/token", "443", "Try it out, Execute", "JWT, 30 min and 24 h", "this server's operator"},
	}}
	resume := home
	resume.ForgetAction = "/forget"
	resume.Resume = []ResumeView{
		{"Example Backup & Replication", "/modern", StateExpired, "expired, refresh token good for 13 d 23 h", "Step 6 of 8: get a new pair with the refresh token"},
		{"Example Availability Console", "/classic", StateValid, "valid for 52 min 18 s", "Step 5 of 7: click Explore"},
		{"Example Backup for a Cloud", "/cloud", StateMFA, "half way, a code is asked for", ""},
		{"Example Backup for a Hypervisor", "/hyper", StateDead, "finished, sign in again", ""},
	}
	a := *sampleValid().Groups[0].Operations[0].Answer
	return map[string]templ.Component{
		"home":              Home(home),
		"home-resume":       Home(resume),
		"classic-none":      Product(sampleClassic()),
		"classic-valid":     Product(sampleValid()),
		"classic-shown":     Product(sampleShown()),
		"classic-fragment":  ProductFragment(sampleValid()),
		"modern-none":       Product(sampleModern()),
		"modern-tried":      Product(sampleTried()),
		"modern-missing":    Product(sampleMissing()),
		"modern-refused":    Product(sampleRefused()),
		"modern-half-way":   Product(sampleHalfWay()),
		"modern-untrusted":  Product(sampleUntrusted()),
		"problem-not-found": Problem(ProblemView{Page: samplePage("No such product", "/nope", "auto"), Status: 404, Title: "There is no product “nope”", Text: "Choose one of these.", ListTitle: "Products", List: []Link{{Text: "Example Availability Console", Href: "/classic"}, {Text: "Example Backup & Replication", Href: "/modern"}}, Reference: "0198c1d2"}),
		"problem-fragment":  ProblemMain(ProblemView{Status: 413, Title: "That form is too large", Text: "A form may have 64 KB. Nothing was sent.", Action: &ActionView{Text: "Back to the form", Href: "/classic"}}),
		"exchange": ExchangePage(ExchangeView{Page: sampleProductPage("Exchange 4", "/classic/exchanges/4"), Product: "Example Availability Console", Back: "/classic?op=token&x=4", Heading: "Exchange 4", Lead: "to the sandbox at 10:36:23 UTC, 12 March 2026.", Method: "POST", Path: "/token",
			Answer: a, Body: sampleBody(sampleJWT, sampleToken), Headers: []HeaderRow{{"Content-Type", "application/json; charset=utf-8", ""}, {"Date", "Thu, 12 Mar 2026 10:36:23 GMT", ""}},
			Request: &CodeView{Label: "Request", Download: "/classic/exchanges/4?part=request", Lines: plainLines([]string{"POST /token HTTP/1.1", "Host: sandbox", "Content-Type: application/x-www-form-urlencoded", "", "grant_type=password&username=administrator&password=********"})},
			Curl:    &CodeView{Label: "curl", Download: "/classic/exchanges/4?part=curl", Lines: plainLines([]string{`curl -sS 'http://127.0.0.1:8080/sandbox/classic/token' \`, `  --data-urlencode "password=$PASSWORD"`})},
			Decoded: sampleDecodedTokens(), Older: "/classic/exchanges/3"}),
		"people": People(PeopleView{Page: samplePage("Sandbox people", "/people", "auto"), People: []PersonRow{
			{"administrator", "Password1", "Signs in and may do everything."}, {"mfa", "Password1", "Is asked for a code where the product has a second factor."},
			{"operator", "Password1", "Signs in, but the protected call answers 403."}, {"locked", "Password1", "Is refused: the account is locked."}},
			Notes: []string{`The first product takes console\administrator too.`}, Choices: "/fidelity?show=choices"}),
		"fidelity": Fidelity(FidelityView{Page: samplePage("What is documented, what is chosen", "/fidelity", "auto"),
			Products: []Link{{"All products", "/fidelity", true}, {"Backup & Replication", "/fidelity?product=modern", false}},
			Shows:    []Link{{"Everything", "/fidelity", true}, {"Choices only", "/fidelity?show=choices", false}},
			Groups: []FactGroup{{"facts-modern", "Example Backup & Replication", "/modern", true, []FactCount{{Documented, 1}, {Observed, 1}, {Choice, 1}, {"", 1}}, []FactRow{
				{"Call", "POST /api/oauth2/token", "200 OK. Get a pair", Documented, "Login"},
				{"Refusal", "bad credentials", "401 Unauthorized: AccessDenied", Observed, "A server's log."},
				{"Refusal", "expired token", "The message reads “Access token has expired.”", Choice, "No document prints it."},
				{"Lifetime", "One-time code", "5 minutes", "", "Its document is not named."}}}}, Open: true}),
	}
}
