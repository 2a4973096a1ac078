// Package highlight colours what travels between a client and a target: JSON
// and HTTP messages, as lines of classed text.
//
// Nothing that came in gets lost. JSON is laid out anew, which moves white
// space only; the order of members, the digits of numbers and bytes that are
// not UTF-8 stay as they are. Text that is not what it says it is is shown as
// it is.
package highlight

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/alecthomas/chroma/v2"
)

// Max is how many bytes of one text are shown, after JSON has been laid out.
// An answer may have a mebibyte; a page that draws all of it helps nobody.
const Max = 256 << 10

// Text is a text in lines.
type Text struct {
	Lines []Line
	// Cut says that there was more than [Max] bytes of it.
	Cut bool
}

// Line is one line, without its line feed. An empty line has no spans.
type Line struct{ Spans []Span }

// Span is a run of text. Class is nt for a name, s2 for a string, mi for a
// number, kc for true, false and null, p for punctuation, tok for a token, or
// empty.
type Span struct{ Class, Text string }

// Token is the class of the tokens that the caller names.
const Token = "tok"

// String is the text that the lines show.
func (t Text) String() string {
	var b strings.Builder
	for i, line := range t.Lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, s := range line.Spans {
			b.WriteString(s.Text)
		}
	}
	return b.String()
}

// JSON colours a JSON text, laid out with two spaces. What is not JSON is
// shown as it is, without colours. The tokens are marked wherever they occur,
// escaped or not.
func JSON(body string, tokens []string) Text {
	if !json.Valid([]byte(body)) {
		return Plain(body, tokens)
	}
	p := painter{tokens: order(tokens)}
	shown, cut := indent(body)
	p.paint(jsonLexer, shown)
	return p.text(cut)
}

// HTTP colours a request or an answer as it travelled: the first line, the
// headers and, after an empty line, the body, by its media type. Nothing is
// laid out anew.
func HTTP(message string, tokens []string) Text {
	p := painter{tokens: order(tokens)}
	shown, cut := limit(message)
	head, body := shown, ""
	if at := endOfHead(shown); at >= 0 {
		head, body = shown[:at], shown[at:]
	}
	p.paint(httpLexer, head)
	switch media := mediaType(head); {
	case strings.HasSuffix(media, "json") && (cut || json.Valid([]byte(body))):
		p.paint(jsonLexer, body)
	case media == "application/x-www-form-urlencoded":
		p.paint(formLexer, body)
	default:
		p.put("", body)
	}
	return p.text(cut)
}

// Form colours a body of application/x-www-form-urlencoded as it travelled.
func Form(body string, tokens []string) Text {
	p := painter{tokens: order(tokens)}
	shown, cut := limit(body)
	p.paint(formLexer, shown)
	return p.text(cut)
}

// Plain splits a text into lines and marks the tokens.
func Plain(text string, tokens []string) Text {
	p := painter{tokens: order(tokens)}
	shown, cut := limit(text)
	p.put("", shown)
	return p.text(cut)
}

// order puts longer tokens first, so that one that contains another is marked
// whole.
func order(tokens []string) []string {
	out := slices.DeleteFunc(slices.Clone(tokens), func(s string) bool { return s == "" })
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// limit keeps the first Max bytes, and no half of a character.
func limit(s string) (string, bool) {
	if len(s) <= Max {
		return s, false
	}
	end := Max
	for i := range utf8.UTFMax {
		if utf8.RuneStart(s[Max-i]) {
			end = Max - i
			break
		}
	}
	return s[:end], true
}

// endOfHead is where the body begins, or -1 if there is none.
func endOfHead(message string) int {
	for at := 0; ; {
		line, _, more := strings.Cut(message[at:], "\n")
		if !more {
			return -1
		}
		at += len(line) + 1
		if strings.TrimSuffix(line, "\r") == "" {
			return at
		}
	}
}

// mediaType reads the media type out of a head, in lower case and without its
// parameters.
func mediaType(head string) string {
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.TrimSpace(name), "Content-Type") {
			value, _, _ = strings.Cut(value, ";")
			return strings.ToLower(strings.TrimSpace(value))
		}
	}
	return ""
}

// painter collects lines.
type painter struct {
	tokens []string
	lines  []Line
	spans  []Span
}

// paint colours a text. Chroma reads runes and turns bytes that are not UTF-8
// into U+FFFD, one each; walking both in step gives the bytes back.
func (p *painter) paint(lexer *chroma.RegexLexer, text string) {
	next, err := lexer.Tokenise(&chroma.TokeniseOptions{State: "root"}, text)
	if err != nil {
		p.put("", text)
		return
	}
	for token := next(); token != chroma.EOF; token = next() {
		end := 0
		for range token.Value {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
		}
		p.put(classes[token.Type], text[:end])
		text = text[end:]
	}
	p.put("", text)
}

// put adds text of one class, with the tokens in it as spans of their own.
func (p *painter) put(class, text string) {
	if inner, ok := p.escaped(class, text); ok {
		p.add(class, text[:1])
		p.add(Token, inner)
		p.add(class, text[len(text)-1:])
		return
	}
	for text != "" {
		at, length := len(text), 0
		for _, token := range p.tokens {
			if i := strings.Index(text, token); i >= 0 && i < at {
				at, length = i, len(token)
			}
		}
		p.add(class, text[:at])
		p.add(Token, text[at:at+length])
		text = text[at+length:]
	}
}

// escaped returns the inside of a JSON string that is a token once its escapes
// are read: some servers write + as \u002B.
func (p *painter) escaped(class, text string) (string, bool) {
	if class != classes[chroma.LiteralStringDouble] || !strings.Contains(text, `\`) {
		return "", false
	}
	var s string
	if json.Unmarshal([]byte(text), &s) != nil || !slices.Contains(p.tokens, s) {
		return "", false
	}
	return text[1 : len(text)-1], true
}

// add appends a span, split at line feeds and joined with a neighbour of the
// same class.
func (p *painter) add(class, text string) {
	for text != "" {
		part, rest, more := strings.Cut(text, "\n")
		if n := len(p.spans); part == "" {
			// nothing but the line's end
		} else if n > 0 && p.spans[n-1].Class == class && class != Token {
			p.spans[n-1].Text += part
		} else {
			p.spans = append(p.spans, Span{class, part})
		}
		if !more {
			return
		}
		p.lines = append(p.lines, Line{p.spans})
		p.spans = nil
		text = rest
	}
}

func (p *painter) text(cut bool) Text {
	return Text{Lines: append(p.lines, Line{p.spans}), Cut: cut}
}
