package highlight

import "github.com/alecthomas/chroma/v2"

// The lexers are our own rules for Chroma's engine. Importing Chroma's own
// lexers would parse some 250 descriptions at every start of the program to
// use two of them. The texts come from strangers, so no pattern can backtrack
// more than a step, and every pattern takes at least one character.
var (
	jsonLexer = lexer("JSON", chroma.Rules{"root": {
		// The most frequent come first.
		{Pattern: `\s+`, Type: chroma.Text},
		{Pattern: `[{}\[\]:,]+`, Type: chroma.Punctuation},
		// In valid JSON a string before a colon is a name.
		{Pattern: `"(?>[^"\\]*(?:\\.[^"\\]*)*)"(?=\s*:)`, Type: chroma.NameTag},
		{Pattern: `"(?>[^"\\]*(?:\\.[^"\\]*)*)(?:"|\z)`, Type: chroma.LiteralStringDouble},
		{Pattern: `-?[0-9][0-9.eE+\-]*`, Type: chroma.LiteralNumberInteger},
		{Pattern: `(?:true|false|null)\b`, Type: chroma.KeywordConstant},
		{Pattern: `.[^\s"{}\[\]:,]*`, Type: chroma.Text},
	}})

	httpLexer = lexer("HTTP", chroma.Rules{
		"root": {
			{Pattern: `[^\n]*(?:\n|\z)`, Type: chroma.Text, Mutator: chroma.Push("headers")},
		},
		"headers": {
			{Pattern: `[^\s:]+(?=:)`, Type: chroma.NameTag},
			{Pattern: `:`, Type: chroma.Punctuation, Mutator: chroma.Push("value")},
			{Pattern: `[^\n]*\n`, Type: chroma.Text},
			{Pattern: `[^\n]+`, Type: chroma.Text},
		},
		"value": {
			{Pattern: `[^\n]*\n`, Type: chroma.Text, Mutator: chroma.Pop(1)},
			{Pattern: `[^\n]+`, Type: chroma.Text},
		},
	})

	formLexer = lexer("form", chroma.Rules{"root": {
		{Pattern: `[^&=]+(?==)`, Type: chroma.NameTag},
		{Pattern: `=`, Type: chroma.Punctuation, Mutator: chroma.Push("value")},
		{Pattern: `&+`, Type: chroma.Punctuation},
		{Pattern: `[^&=]+`, Type: chroma.Text},
	}, "value": {
		{Pattern: `[^&]+`, Type: chroma.Text},
		{Pattern: `&`, Type: chroma.Punctuation, Mutator: chroma.Pop(1)},
	}})

	classes = map[chroma.TokenType]string{}
)

func init() {
	for _, t := range []chroma.TokenType{chroma.NameTag, chroma.LiteralStringDouble, chroma.LiteralNumberInteger, chroma.KeywordConstant, chroma.Punctuation} {
		classes[t] = chroma.StandardTypes[t]
	}
}

func lexer(name string, rules chroma.Rules) *chroma.RegexLexer {
	return chroma.MustNewLexer(&chroma.Config{Name: name, NotMultiline: true, DotAll: true},
		func() chroma.Rules { return rules })
}
