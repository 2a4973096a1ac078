package snippet

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var formType = [2]string{"Content-Type", "application/x-www-form-urlencoded"}

// nasty are values that break careless quoting.
var nasty = []string{
	"Password1", `it's`, `say "hi"`, "$HOME", "$(id)", "`id`", "two\nlines", "a;b", `back\slash`, `\`, "é", "wow!", "!!", "a b", "@file", "<x>",
	"100%", "a&b=c", "a+b", "~", "*", "#x", "'", "''", `"`, "-k", "a", "\t", `lab\administrator`, `p\n"q`, "日本",
}

func TestCurlGolden(t *testing.T) {
	const base = "https://srv.lab.local:9419"
	password := []Secret{{"Password1", "VEEAM_PASSWORD"}}
	token := []Secret{{"eyJhbGciOi.canary.sig", "VEEAM_ACCESS_TOKEN"}}
	for _, c := range []struct {
		name string
		r    Request
		opt  Options
	}{
		{"password", Request{"POST", base + "/api/oauth2/token", [][2]string{{"Host", "srv.lab.local:9419"}, {"User-Agent", "x"}, {"Connection", "close"},
			{"Content-Length", "61"}, formType, {"x-api-version", "1.1-rev1"}, {"Accept-Encoding", "gzip"}},
			"grant_type=password&username=administrator&password=Password1", password}, Options{}},
		{"pinned", Request{"POST", base + "/api/oauth2/token", [][2]string{formType}, "grant_type=password&password=Password1", password},
			Options{Untrusted: true, KeyPin: "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}},
		{"explore", Request{"GET", base + "/api/v1/serverInfo", [][2]string{{"Authorization", "Bearer eyJhbGciOi.canary.sig"}, {"x-api-version", "1.1-rev1"}}, "", token},
			Options{CACert: "lab ca's.pem"}},
		{"logout", Request{"POST", base + "/api/oauth2/logout", [][2]string{{"Authorization", "Bearer eyJhbGciOi.canary.sig"}}, "", token}, Options{}},
		{"delete", Request{"DELETE", base + "/api/oauth2/token", nil, "", nil}, Options{}},
		{"json", Request{"POST", base + "/api/token", [][2]string{{"Content-Type", "application/json"}}, `{"grantType":"password","user name":"o'brien","password":"Password1"}`, password}, Options{}},
		{"json-escaped", Request{"POST", base + "/api/token", [][2]string{{"Content-Type", "application/json"}}, `{"password":"a\"b\\c"}`, []Secret{{`a"b\c`, "VEEAM_PASSWORD"}}}, Options{}},
		{"odd-name", Request{"POST", base + "/t", [][2]string{formType}, "pass!word=Password1", password}, Options{}},
		{"ipv6", Request{"GET", "https://[::1]:9419/a", nil, "", nil}, Options{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Curl(c.r, c.opt)
			path := filepath.Join("testdata", c.name+".sh")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			for _, bad := range []string{"canary", "Password1", " -k", "--insecure"} {
				if strings.Contains(got, bad) {
					t.Errorf("the snippet holds %q", bad)
				}
			}
		})
	}
}

// shell runs a snippet with a curl that only prints its arguments.
func shell(t *testing.T, snippet string, env ...string) []string {
	t.Helper()
	dir := t.TempDir()
	fake := "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\0' \"$a\"; done\n"
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", snippet)
	cmd.Env = append([]string{"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=/canary-home"}, env...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, snippet)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
}

func need(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Skip(err)
	}
}

func TestShellReadsWhatWasMeant(t *testing.T) {
	need(t, "sh")
	for _, v := range nasty {
		t.Run(url.PathEscape(v), func(t *testing.T) {
			header := "x" + oneLine(v) + "x"
			r := Request{"POST", "https://a/" + url.PathEscape(v) + "?" + strings.Trim(v, "\n\t"), [][2]string{{"X-Value", header}}, v + " body", nil}
			want := []string{"-sS", "-X", "POST", r.URL, "-H", "X-Value: " + header, "-H", "Content-Type:"}
			if strings.HasPrefix(v, "@") {
				want = append(want, "--data-raw", r.Body)
			} else {
				want = append(want, "-d", r.Body)
			}
			if diff := cmp.Diff(want, shell(t, Curl(r, Options{}))); diff != "" {
				t.Error(diff)
			}
		})
		t.Run("as a secret "+url.PathEscape(v), func(t *testing.T) {
			secret := []Secret{{v, "VEEAM_PASSWORD"}}
			r := Request{"POST", "https://srv.lab/", [][2]string{formType}, "username=x&password=" + url.QueryEscape(v) + "&z=1", secret}
			got := shell(t, Curl(r, Options{}), "VEEAM_PASSWORD="+v)
			want := []string{"-sS", "-X", "POST", "https://srv.lab/", "-H", "Content-Type: application/x-www-form-urlencoded",
				"-d", "username=x", "--data-urlencode", "password=" + v, "-d", "z=1"}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if len(v) >= shortest && strings.Contains(Curl(r, Options{}), v) {
				t.Error("the snippet shows the secret")
			}
		})
		t.Run("beside a secret "+url.PathEscape(v), func(t *testing.T) {
			header := "x" + oneLine(v) + "S3cret" + oneLine(v) + "x"
			r := Request{URL: "https://a/", Header: [][2]string{{"X-Value", header}}, Secrets: []Secret{{"S3cret", "P"}}}
			if got := shell(t, Curl(r, Options{}), "P=S3cret"); got[len(got)-1] != "X-Value: "+header {
				t.Errorf("got %q, want %q", got[len(got)-1], header)
			}
		})
		t.Run("as a secret in JSON "+url.PathEscape(v), func(t *testing.T) {
			need(t, "jq")
			text, _ := json.Marshal(map[string]string{"user": "it's \"me\"", "pass": v})
			r := Request{"POST", "https://srv.lab/", [][2]string{{"Content-Type", "application/json"}}, string(text), []Secret{{v, "P"}}}
			got := shell(t, Curl(r, Options{}), "P="+v)
			var back map[string]string
			if err := json.Unmarshal([]byte(got[len(got)-1]), &back); err != nil || back["pass"] != v || back["user"] != `it's "me"` {
				t.Errorf("got %q, %v", got[len(got)-1], err)
			}
		})
	}
}

func TestSecretsAreFoundWhereverTheyStand(t *testing.T) {
	need(t, "sh")
	const secret, env = "S3cret/+ value", "VEEAM_TOKEN"
	for _, c := range []struct {
		name string
		r    Request
		want string // the last argument
	}{
		{"in a header", Request{URL: "https://a/", Header: [][2]string{{"Authorization", "Bearer " + secret}}}, "Authorization: Bearer " + secret},
		{"between letters", Request{URL: "https://a/", Header: [][2]string{{"X-A", "x" + secret + "y"}}}, "X-A: x" + secret + "y"},
		{"in a query", Request{URL: "https://a/?t=" + url.QueryEscape(secret)}, "https://a/?t=" + secret},
		{"in a form, oddly encoded", Request{Method: "POST", URL: "https://a/", Header: [][2]string{formType}, Body: "t=%533cret%2f%2B%20value"}, "t=" + secret},
		{"in part of a form value", Request{Method: "POST", URL: "https://a/", Header: [][2]string{formType}, Body: "t=pre-" + url.QueryEscape(secret) + "-post"}, "t=pre-" + secret + "-post"},
		{"in a form that is broken", Request{Method: "POST", URL: "https://a/", Header: [][2]string{formType}, Body: "t=%zz" + secret}, "t=%zz" + secret},
		{"in JSON that is broken", Request{Method: "POST", URL: "https://a/", Header: [][2]string{{"Content-Type", "application/json"}}, Body: `{"t":"` + secret}, `{"t":"` + secret},
		{"inside a JSON text", Request{Method: "POST", URL: "https://a/", Header: [][2]string{{"Content-Type", "application/json"}}, Body: `{"t":"\"pre ` + secret + `"}`}, `{"t":"\"pre ` + secret + `"}`},
		{"in plain text, twice", Request{Method: "POST", URL: "https://a/", Body: secret + secret}, secret + secret},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.r.Secrets = []Secret{{"S3cret", "VEEAM_OTHER"}, {secret, env}, {"", "EMPTY"}}
			s := Curl(c.r, Options{})
			if strings.Contains(s, "S3cret") || strings.Contains(s, "%533cret") {
				t.Errorf("shown in %s", s)
			}
			got := shell(t, s, env+"="+secret)
			if got[len(got)-1] != c.want {
				t.Errorf("got %q, want %q\n%s", got[len(got)-1], c.want, s)
			}
		})
	}
	t.Run("a name that is no variable is replaced", func(t *testing.T) {
		s := Curl(Request{URL: "https://a/", Header: [][2]string{{"A", secret}}, Secrets: []Secret{{secret, "x; rm -rf /"}}}, Options{})
		if !strings.Contains(s, `"A: $VEEAM_SECRET"`) {
			t.Errorf("got %s", s)
		}
	})
}

func TestCurlIsUnderstoodByCurl(t *testing.T) {
	need(t, "curl")
	need(t, "sh")
	type seen struct {
		Method, Version, Auth, Type string
		Form                        url.Values
	}
	requests := make(chan seen, 1)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<16))
		form, _ := url.ParseQuery(string(body))
		requests <- seen{r.Method, r.Header.Get("x-api-version"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), form}
	}))
	defer server.Close()
	dir := t.TempDir()
	ca := filepath.Join(dir, "it's a ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(t *testing.T, r Request, env ...string) seen {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		cmd := exec.CommandContext(ctx, "sh", "-c", Curl(r, Options{CACert: ca}))
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}, env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return <-requests
	}
	for _, v := range nasty {
		t.Run(url.PathEscape(v), func(t *testing.T) {
			want := seen{"POST", "1.1-rev1", "", formType[1], url.Values{"grant_type": {"password"}, "username": {v + "x"}, "password": {v}}}
			got := run(t, Request{"POST", server.URL + "/token", [][2]string{formType, {"x-api-version", "1.1-rev1"}},
				"grant_type=password&username=" + url.QueryEscape(v+"x") + "&password=" + url.QueryEscape(v), []Secret{{v, "VEEAM_PASSWORD"}}}, "VEEAM_PASSWORD="+v)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("a call with a token and no body", func(t *testing.T) {
		got := run(t, Request{"POST", server.URL + "/logout", [][2]string{{"Authorization", "Bearer canary"}}, "", []Secret{{"canary", "VEEAM_ACCESS_TOKEN"}}}, "VEEAM_ACCESS_TOKEN=canary")
		if diff := cmp.Diff(seen{Method: "POST", Auth: "Bearer canary", Form: url.Values{}}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWeakPasswordDoesNotHideItsField(t *testing.T) {
	secret := []Secret{{"password", "VEEAM_PASSWORD"}}
	got := Curl(Request{"POST", "https://a/", [][2]string{formType}, "password=password", secret}, Options{})
	if !strings.Contains(got, `--data-urlencode "password=$VEEAM_PASSWORD"`) {
		t.Errorf("got %s", got)
	}
	got = Curl(Request{"POST", "https://a/", [][2]string{{"Content-Type", "application/json"}}, `{"password" : "password"}`, secret}, Options{})
	if !strings.Contains(got, `'{"password" : "'"$VEEAM_PASSWORD"'"}'`) {
		t.Errorf("got %s", got)
	}
}

func TestVariableThatStartsLikeAFileNameIsNoFile(t *testing.T) {
	got := shell(t, Curl(Request{"POST", "https://a/", [][2]string{{"Content-Type", "text/plain"}}, "@secret", []Secret{{"@secret", "V"}}}, Options{}), "V=@secret")
	if diff := cmp.Diff([]string{"--data-raw", "@secret"}, got[len(got)-2:]); diff != "" {
		t.Error(diff)
	}
}

func FuzzCurl(f *testing.F) {
	f.Add("pre'fix", "a secret of length")
	f.Add("a=b&c=", "it's a \"secret\"")
	f.Add("{", "0123456789\\n01")
	f.Fuzz(func(t *testing.T, text, secret string) {
		if len(secret) < 12 || strings.Contains(secret, "\x00") || strings.ContainsAny(text, "\x00") {
			return
		}
		asJSON, _ := json.Marshal(map[string]string{"a": text + secret, "b": secret})
		for _, r := range []Request{
			{Header: [][2]string{{"Content-Type", "text/plain"}}, Body: text + secret},
			{Header: [][2]string{formType}, Body: "a=" + url.QueryEscape(text+secret) + "&b=" + url.QueryEscape(secret)},
			{Header: [][2]string{{"Content-Type", "application/json"}}, Body: string(asJSON)},
		} {
			r.Method, r.URL, r.Secrets = "POST", "https://a/", []Secret{{secret, "V"}}
			got := Curl(r, Options{})
			// The same request about another secret has all the rest.
			r.Body, r.Secrets = "", nil
			if strings.Contains(got, secret) && !strings.Contains(text+Curl(r, Options{})+" --data-urlencode ", secret) {
				t.Errorf("%s shows %q", got, secret)
			}
		}
	})
}
