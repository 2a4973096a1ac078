package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A proof of a requirement is one of
//
//	web/session TestDump   a test function: folder and name
//	gate vulnerabilities   a gate of .ci/run
//	not: …                 why it, or a part of it, does not apply to this program
//
// Several may stand beside each other.
type requirement struct {
	id, what string
	proofs   []string
}

// requirements is the list of what the program promises about security and
// reliability, each with what proves it. The ids are those of the threat
// model's requirements.
var requirements = []requirement{
	// Profiles and start.
	{"PRO-1", "local listens on loopback and needs no settings", []string{"web TestSettingsAndTheirDefaults", "web TestREADME"}},
	{"PRO-2", "contradictory settings refuse to start, all at once", []string{"not: a list of frame ancestors cannot contradict anything while there is no such setting, and no page may be framed", "web TestMatrixOfSettings", "web TestWrongSettings", "cmd/playground TestProgramRefuses"}},
	{"PRO-3", "open egress needs a listener on loopback; in containers a second flag and a public URL there", []string{"web TestMatrixOfSettings", "web TestContainerOnLoopback", "gate image"}},
	{"PRO-4", "pages name profile and egress", []string{"web TestPagesNameTheProfile"}},

	// Sessions.
	{"SES-1", "one ticket of 256 bits in less than 512 bytes", []string{"web/session TestCookie", "web TestCookie"}},
	{"SES-2", "the cookie's name and attributes", []string{"web TestCookie"}},
	{"SES-3", "Lax, so that a link opens a live session and a foreign form does not act", []string{"web TestCookie", "web TestCrossOriginTable", "cmd/playground TestBrowser"}},
	{"SES-4", "no cookie before the first submit", []string{"web TestCookie", "web TestEveryAnswerIsGuarded", "web/session TestUpdate"}},
	{"SES-5", "a foreign ticket is as none and is not adopted", []string{"web/session TestNothingPresentedIsAdopted", "web/session FuzzCookie", "web TestForeignCookies"}},
	{"SES-6", "new credentials, new ticket; a refresh keeps it", []string{"web/session TestRotate", "web/session TestTicketsHoldUnderAnyOrder", "web TestRotatedTicket", "web TestTicketFollowsCredentials"}},
	{"SES-7", "the old ticket is told that it was rotated, and the browser repeats the request", []string{"web/session TestRotate", "web/session TestLostAnswer", "web TestRotatedTicket", "web TestAnswerThatNeverArrived", "cmd/playground TestBrowser"}},
	{"SES-8", "idle and absolute limits on the server, on every backend", []string{"web/session TestExpiry", "web/session TestSES8EndWithTokens", "web/session TestClockJumps"}},
	{"SES-9", "Forget everything forgets record and cookie", []string{"web/session TestForget", "web TestFormsWithoutScript", "web TestCookie"}},
	{"SES-10", "a late save does not bring a session back", []string{"web/session TestForget"}},
	{"SES-11", "of racing writers one wins and the others are told", []string{"web/session TestParallelUpdates"}},
	{"SES-12", "sessions survive restarts; at the cap nobody is evicted", []string{"web/session TestRestart", "web/session TestSES12Cap", "web TestNobodyIsPutOutForANewVisitor", "cmd/playground TestKilledPlaygroundKeepsItsSessions"}},
	{"SES-13", "operators count and end sessions unread", []string{"web/session TestSES13CountAndPurge", "cmd/playground TestSessionsCommand"}},

	// Cryptography and keys.
	{"CRY-1", "AES-256-GCM by the standard library, in two files", []string{"web TestOneCipher", "web/session TestSeal"}},
	{"CRY-2", "records are bound to their id and header", []string{"web/session TestSwappedRecords", "web/session TestSeal"}},
	{"CRY-3", "a dump holds neither tokens nor tickets", []string{"web/session TestDump", "web/session TestDumpOfRedis", "web TestDumpsHoldNothing", "web TestCanaries"}},
	{"CRY-4", "keyring and store open nothing without the cookie", []string{"web/session TestKeyringAndStoreOpenNothing"}},
	{"CRY-5", "opening arbitrary bytes is harmless", []string{"web/session FuzzOpen", "gate fuzz"}},
	{"KEY-1", "bad keyrings stop the start", []string{"web/session TestParseKeyring", "web/session FuzzParseKeyring", "web TestWhatOpenRefuses"}},
	{"KEY-2", "a keyring is its owner's alone and never invented for replicas", []string{"web/session TestKeyringFile", "web TestWrongSettings"}},
	{"KEY-3", "rotation in three steps under load loses nothing", []string{"web/session TestKEY3RotationUnderLoad", "web/session TestRotatedKeys", "web/session TestLasting", "web TestKeysThatAreGone", "cmd/playground TestRotatedKeyringIsFollowed"}},
	{"KEY-4", "a key that is removed ends its sessions cleanly", []string{"web/session TestKEY4OneLineWithTheCount"}},
	{"KEY-5", "each purpose has a key of its own", []string{"web/session TestDerivedKeysAreApart"}},

	// Refresh and replicas.
	{"REF-1", "fifty refreshes are one call", []string{"web TestFiftyRefreshesAreOneCall", "web/session TestREF1FiftyTabsOnTwoReplicas"}},
	{"REF-2", "the lock outlives the call and is renewed", []string{"web/session TestREF2LeaseOutlivesASlowTarget", "web/store/redisstore TestLease"}},
	{"REF-3", "a browser that goes away does not end the call", []string{"web/session TestUpdate", "web TestRefreshThatNobodyHeardOf"}},
	{"REF-4", "the record is read again under the lock", []string{"web TestFiftyRefreshesAreOneCall", "web/session TestParallelUpdates"}},
	{"REF-5", "saves compare and swap", []string{"web/session TestParallelUpdates", "web/store/boltstore TestStore", "web/store/redisstore TestRealRedis"}},
	{"REF-6", "a crash between answer and save is told, once", []string{"web/session TestREF6CrashInTheWindow", "web TestRefreshUnderWayIsNoted", "cmd/playground TestKilledAtAnyMoment"}},
	{"REF-7", "only a refusal drops tokens", []string{"web TestFailures", "web TestRefreshUnderWayIsNoted"}},
	{"REF-8", "credentials are never sent again by themselves", []string{"web TestFiftyRefreshesAreOneCall", "web/target TestConnectionThatSaysMoreIsNotKept"}},
	{"REP-1", "two replicas serve one browser", []string{"cmd/playground TestReplicasTakeTurns", "web/session TestREP1TwoReplicas"}},
	{"REP-2", "a second process on one file is told within a second", []string{"web/store/boltstore TestREP2SecondProcess", "web TestWhatOpenRefuses"}},

	// The browser's boundary.
	{"CSR-1", "another host gets 421 and touches nothing", []string{"web TestHostSpellings", "web TestHostsThatAreOurs", "cmd/playground TestReboundName"}},
	{"CSR-2", "no other site changes anything", []string{"web TestCrossOriginTable", "web TestBadInput"}},
	{"CSR-3", "a browser's form with a session says where it comes from", []string{"web TestFormWithoutOrigin"}},
	// The first reading with a new ticket ends the one before, which nothing
	// but an earlier sign-in can bring about.
	{"CSR-4", "reading changes nothing", []string{"web TestReadingWritesNothing", "web TestGETChangesNothing"}},
	{"CSR-5", "forms work without script, scripts without a form", []string{"not: one route serves both, and what guards it is the browser's own word on the origin, not a header that a script adds", "web TestFormsWithoutScript", "web TestLifeOverJSON"}},
	{"CSR-6", "no answer may be read by another origin", []string{"web TestEveryAnswerIsGuarded", "web TestSecurityHeaders"}},

	// Egress.
	{"EGR-1", "the sandbox opens no socket", []string{"cmd/playground TestDemoNeedsNoNetwork", "web TestOtherProfiles", "gate image"}},
	{"EGR-2", "one package dials", []string{"web TestOnePackageDials", "gate lint"}},
	{"EGR-3", "addresses are host and port in one spelling", []string{"web/target TestParseAddress", "web/target TestParseAddressRefuses", "web/target FuzzParseAddress"}},
	{"EGR-4", "the floor that nothing overrides", []string{"web/target TestFloor", "web/target TestPolicyCheck", "web TestFailures"}},
	{"EGR-5", "listed names at listed addresses, nothing else resolved", []string{"web/target TestPolicyAllow", "web/target TestPolicyComesBeforeTheLookup", "web/target TestRebinding", "web TestListedTargets"}},
	{"EGR-6", "open egress is for one's own machine", []string{"web/target TestPolicyCheck", "web TestWrongSettings"}},
	{"EGR-7", "proxies of the environment are not used", []string{"web/target TestEnvironmentProxiesAreIgnored"}},
	{"EGR-8", "redirects are shown, never followed", []string{"web/target TestRedirectsAreTheAnswer", "web TestFailures"}},
	{"EGR-9", "no connection is kept", []string{"web/target TestTrustLikeSSH", "web/target TestRefusedCertificateEndsTheConnection", "web TestRealTarget"}},
	{"EGR-10", "refusals do not tell ranges apart", []string{"web/target TestRefusalsDoNotTellRangesApart"}},
	{"EGR-11", "nothing of the browser's reaches a target", []string{"web TestTargetsHearNothingOfTheBrowser", "web/target TestExchangeIsWhatWentOverTheWire"}},
	{"EGR-12", "one line for each attempt", []string{"web TestCallsAreTraced", "web/target TestNothingSecretIsLogged"}},

	// TLS.
	{"TLS-1", "nothing is sent before the certificate is verified", []string{"web/target TestCertificates", "web/target TestRefusedCertificateEndsTheConnection", "web TestRealTarget"}},
	{"TLS-2", "a refused certificate is shown", []string{"web/target TestCertificates", "web TestRealTarget"}},
	{"TLS-3", "trust names the exact fingerprint, for one session and target", []string{"web/target TestTrustLikeSSH", "web TestRealTarget", "web TestBadInput"}},
	{"TLS-4", "a changed certificate is a hard stop, and told from a renewal", []string{"web TestRealTarget", "web/target TestTrustLikeSSH", "web/target TestChangedCertificateTellsWhetherTheKeyIsNew"}},
	{"TLS-5", "the check is made on every connection", []string{"web/target TestTrustLikeSSH", "web TestVerifyConnectionIsTheCheck"}},
	{"TLS-6", "operators pin, and may forbid to trust", []string{"web/target TestTrustLikeSSH", "web TestListedTargets", "web TestOtherProfiles"}},
	{"TLS-7", "one visitor's trust serves no other", []string{"web TestRealTarget"}},
	{"TLS-8", "exported commands pin and never skip", []string{"web/snippet TestCurlGolden", "web/snippet FuzzCurl"}},
	{"TLS-9", "TLS 1.2 at least, no downgrade", []string{"web/target TestOldTLS", "web TestClassRoomsRefuseOldTLS"}},
	{"TLS-10", "a class room makes its own certificate and prints it", []string{"web TestCookie", "web TestHealthCheck"}},

	// Secrets.
	{"SCR-1", "canaries come out nowhere", []string{"web TestCanaries", "web TestWhatTheServerRepeats", "web TestDumpsHoldNothing", "web/target TestNothingSecretIsLogged"}},
	{"SCR-2", "passwords and codes are gone after the call", []string{"web TestCanaries", "web TestMissingField", "web/session TestEveryFieldIsSealed"}},
	{"SCR-3", "secrets travel in a type that does not print", []string{"web/secret TestTextNeverShowsItself", "web/session TestNothingPrintsKeysOrTickets"}},
	{"SCR-4", "no secret in an address", []string{"web TestNoSecretInAnAddress", "web TestBadInput", "handlers TestKeepHoldsNoSecret"}},
	{"SCR-5", "dynamic answers are not stored", []string{"web TestSecurityHeaders", "cmd/playground TestBrowser"}},
	{"SCR-6", "tokens of real targets are masked", []string{"web/secret TestMask", "web TestRealTarget", "web TestCanaries"}},
	{"SCR-7", "exports are redacted", []string{"web TestCanaries", "web/snippet TestSecretsAreFoundWhereverTheyStand", "web/secret TestReplace", "web/secret TestNoEncodingHidesASecret"}},
	{"SCR-8", "logs hold routes, not addresses", []string{"web TestLogLinesStayWhole", "web TestCanaries"}},
	{"SCR-9", "what a peer says is bounded and quoted", []string{"web TestLogLinesStayWhole", "web/target TestNotHTTPQuotesLittleAndEscaped", "web/target TestHostileServers"}},
	{"SCR-10", "no debug route", []string{"web TestTheProgramCarriesNoTestCode", "web TestNoDebugRoutes"}},
	{"SCR-11", "pages say that nothing is verified", []string{"web TestPagesSayWhatIsNotVerified"}},

	// Limits.
	{"LIM-1", "forwarded headers count from listed proxies only", []string{"web TestForwardedHeadersAreIgnored", "web TestBeginningsOfOneAddress", "web TestProxiesSetting", "web TestHostSpellings"}},
	{"LIM-2", "thirty people behind one address are not slowed down", []string{"web TestThirtyPeopleAndABully", "cmd/playground TestSoak"}},
	{"LIM-3", "a greedy client is, and others are not", []string{"web TestThirtyPeopleAndABully", "web TestBeginningsOfOneAddress", "web TestReplicasLimitTogether", "web/limit TestBuckets", "web/limit TestReplicasAreOne"}},
	{"LIM-4", "counting addresses takes little memory", []string{"web/limit TestAddressFlood"}},
	{"LIM-5", "budgets of failures and of calls", []string{"web TestSpray", "web TestFanOut", "web TestReplicasLimitTogether", "web/limit TestBudget", "web/limit TestSharedStore", "web/limit TestGateUnderLoad"}},
	{"LIM-6", "bounds of bodies, heads and fields", []string{"web TestBadInput", "web TestLargeHeads", "handlers FuzzReadForm", "handlers FuzzReadJSON"}},
	{"LIM-7", "slow clients are dropped", []string{"web TestSlowClients"}},
	{"LIM-8", "bounds of connections and requests", []string{"web TestTooBusy", "web/limit TestListener"}},
	{"LIM-9", "a hostile target costs a bounded time and size", []string{"web/target TestHostileServers", "web/target TestConnectFailures", "web TestFailures"}},
	{"LIM-10", "hung and aborted calls give back all they took", []string{"web TestHungAndAbortedCalls", "web/target TestAbortedCallsLeaveNothingBehind"}},
	{"LIM-11", "a long lesson takes bounded memory and disk", []string{"cmd/playground TestSoak", "web/store/boltstore TestSTO6Growth"}},

	// Stores.
	{"STO-1", "what was answered survives a kill", []string{"web/store/boltstore TestSTO1NothingAnsweredIsLostToSIGKILL", "cmd/playground TestKilledAtAnyMoment"}},
	{"STO-2", "no write is hurried", []string{"web TestBoltIsNeverToldToHurry", "web/store/boltstore TestStore"}},
	{"STO-3", "a damaged file never keeps the server down", []string{"web/store/boltstore TestSTO3DamagedFilesNeverKeepTheServerDown", "web/store/boltstore TestSTO3CheckInAProcessOfItsOwn", "cmd/playground TestDamagedStoreIsSetAside"}},
	{"STO-4", "a full disk is survived", []string{"web/store/boltstore TestSTO4FullDisk", "web/store/boltstore TestFile"}},
	{"STO-5", "the file is its owner's alone", []string{"web/store/boltstore TestFile"}},
	{"STO-6", "few writes, and a file that does not grow", []string{"web/session TestUpdate", "web/store/boltstore TestSweep", "web/store/boltstore TestSTO6Compaction", "web/store/boltstore TestSTO6Growth"}},
	{"STO-7", "no transaction waits for a target", []string{"web/store/boltstore TestSTO7NoTransactionStaysOpen"}},
	{"RDS-1", "Redis trouble is 503 with the cookie kept", []string{"web TestRedisTrouble", "web/session TestRDS1SessionsOutliveRedisTrouble", "web/store/redisstore TestRDS1ReadOnlyRedis", "web/store/redisstore TestRDS1FullRedis"}},
	{"RDS-2", "a hung Redis costs a second", []string{"web/store/redisstore TestRDS1RDS2HungRedis", "web TestRedisTrouble"}},
	{"RDS-3", "a cold Redis is waited for", []string{"web/store/redisstore TestRDS3ColdRedis"}},
	{"RDS-4", "the policy of Redis is read", []string{"web/store/redisstore TestRDS4Policy"}},
	{"RDS-5", "a failover that lost a write asks to sign in again", []string{"web/store/redisstore TestRDS5FailoverThatLostTheLastWrite"}},
	{"RDS-6", "a limited user of Redis suffices", []string{"web/store/redisstore TestRDS6LimitedUser", "web/store/redisstore TestTLS"}},
	{"RDS-7", "every key ends, nothing is scanned", []string{"web/store/redisstore TestRDS7EveryKeyEndsAndNothingIsScanned"}},

	// The end, health, errors.
	{"SHD-1", "calls that run are finished and kept at the end", []string{"web TestEnd", "cmd/playground TestStopOnSignal", "cmd/playground TestSecondSignal"}},
	{"SHD-2", "a rolling restart fails no request", []string{"cmd/playground TestRollingRestart"}},
	{"OBS-1", "health, with and without the store", []string{"web TestReadyIsRemembered", "web TestRedisTrouble", "web TestHealthCheck"}},
	{"ERR-1", "problems tell nothing of the inside", []string{"web TestNothingOfTheInsideIsTold", "web TestBadInput", "web TestOwnAnswersAreDescribed"}},
	{"ERR-2", "a target's error is shown as text", []string{"web TestTextStaysText", "web TestFailures", "templates TestWhatATargetSaysIsText"}},
	{"ERR-3", "a panic ends one request", []string{"web TestPanicsEndOneRequestOnly", "web/target TestMemoryUnderTrouble"}},

	// Headers and templates.
	{"HDR-1", "the policy of content", []string{"web TestEveryAnswerIsGuarded", "templates TestNothingIsInline", "cmd/playground TestBrowser"}},
	{"HDR-2", "the other headers", []string{"not: a page that is read before the first cookie has no Cross-Origin-Opener-Policy, which costs Chromium a new process and half of the time to a usable form, and has nothing secret to keep from its opener", "web TestOpenerPolicyComesWithTheSession", "web TestEveryAnswerIsGuarded", "web TestSecurityHeaders"}},
	{"HDR-3", "files and nothing beside them", []string{"web TestPathTricks", "static TestNothingElseIsServed"}},
	{"HDR-4", "no request leaves the site", []string{"cmd/playground TestBrowser", "templates TestNothingIsInline"}},
	{"TPL-1", "nothing passes the templates unescaped", []string{"web TestNothingPassesTheTemplatesUnescaped", "web TestTextStaysText", "gate lint"}},
	{"TPL-2", "no data is written into scripts", []string{"templates TestNothingIsInline", "web TestTextStaysText"}},

	// Supply chain and container.
	{"SUP-1", "minimum versions", []string{"gate versions"}},
	{"SUP-2", "modules and generated files are what they say", []string{"gate modules", "gate generated", "web TestGeneratedPagesAreCurrent"}},
	{"SUP-3", "no known vulnerability", []string{"gate vulnerabilities"}},
	{"SUP-4", "linters", []string{"gate lint", "gate staticcheck", "gate vet"}},
	{"SUP-5", "no secret in tree and history", []string{"gate secrets"}},
	{"SUP-6", "builds can be repeated and list their modules", []string{"gate image", "gate tools"}},
	{"CTR-1", "the image needs no right", []string{"gate image"}},
	{"CTR-2", "the memory limit of a container is kept", []string{"cmd/playground TestMemoryLimit", "cmd/playground TestSoak"}},
	{"CTR-3", "secrets come from files and are not printed", []string{"web TestWrongSettings", "web/store/redisstore TestOpen", "web TestCanaries"}},
}

// promised are the ids that must be in the table, counted from 1.
var promised = map[string]int{
	"PRO": 4, "SES": 13, "CRY": 5, "KEY": 5, "REF": 8, "REP": 2, "CSR": 6, "EGR": 12, "TLS": 10, "SCR": 11, "LIM": 11,
	"STO": 7, "RDS": 7, "SHD": 2, "OBS": 1, "ERR": 3, "HDR": 4, "TPL": 2, "SUP": 6, "CTR": 3,
}

func TestEveryRequirementIsProved(t *testing.T) {
	t.Parallel()
	listed, tests := proved(t, requirements, promised)
	t.Logf("requirements: %d, tests named: %d", listed, tests)
}

// proved fails the test unless a table holds every id of the families, each
// with a proof that is there, and says how many ids and tests it names.
func proved(t *testing.T, table []requirement, families map[string]int) (listed, named int) {
	t.Helper()
	top := root(t)
	gates := shellGates(t, filepath.Join(top, ".ci", "run"))
	folders := map[string]map[string]bool{}
	byID := map[string]requirement{}
	for _, r := range table {
		if _, twice := byID[r.id]; twice {
			t.Errorf("%s is there twice", r.id)
		}
		byID[r.id] = r
	}
	tests := map[string]bool{}
	for family, n := range families {
		for i := range n {
			id := family + "-" + strconv.Itoa(i+1)
			r, ok := byID[id]
			if !ok || len(r.proofs) == 0 {
				t.Errorf("%s has neither a test nor a reason", id)
				continue
			}
			listed++
			delete(byID, id)
			for _, proof := range r.proofs {
				kind, rest, found := strings.Cut(proof, " ")
				switch {
				case !found || strings.TrimSpace(rest) == "":
					t.Errorf("%s: %q says nothing", id, proof)
				case kind == "not:":
				case kind == "gate":
					if !gates[rest] {
						t.Errorf("%s: .ci/run has no gate %s", id, rest)
					}
				default:
					tests[proof] = true
					if folders[kind] == nil {
						folders[kind] = testFunctions(t, filepath.Join(top, filepath.FromSlash(kind)))
					}
					if !folders[kind][rest] {
						t.Errorf("%s: there is no test %s in %s", id, rest, kind)
					}
				}
			}
		}
	}
	for id := range byID {
		t.Errorf("%s is not one of the ids", id)
	}
	return listed, len(tests)
}

// testFunctions are the names of the tests and fuzz targets in a folder.
func testFunctions(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	paths, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(paths) == 0 {
		t.Errorf("%s has no tests: %v", dir, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
				names[f.Name.Name] = true
			}
		}
	}
	return names
}

// shellGates are the gates that a script runs by default and has.
func shellGates(t *testing.T, path string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?m)^gates=\((.*)\)$`).FindSubmatch(data)
	if list == nil {
		t.Fatalf("%s lists no gates", path)
	}
	gates := map[string]bool{}
	for name := range strings.FieldsSeq(string(list[1])) {
		gates[name] = strings.Contains(string(data), "\ngate_"+name+"() {")
	}
	return gates
}

// TestOneCipher: two files seal, both by AES-GCM, and nothing else may know how.
func TestOneCipher(t *testing.T) { // CRY-1
	t.Parallel()
	// Sessions, and the sandbox's signing keys in the store.
	known := []string{"web/session/seal.go", "web/sandbox/key.go"}
	found := 0
	for _, p := range goList(t, "./...") {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range file.Imports {
				imported, err := strconv.Unquote(i.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				where := strings.TrimPrefix(p.ImportPath, module) + "/" + name
				switch {
				case slices.Contains([]string{"crypto/des", "crypto/rc4", "crypto/dsa"}, imported) || strings.HasPrefix(imported, "golang.org/x/crypto/"):
					t.Errorf("%s imports %s: the standard library's ciphers of today are enough", where, imported)
				case imported == "crypto/aes" || imported == "crypto/cipher":
					if !slices.Contains(known, where) {
						t.Errorf("%s imports %s: what seals lives elsewhere", where, imported)
					}
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("nothing seals, so this test sees nothing")
	}
	for _, path := range known {
		text, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "cipher.NewGCM") || regexp.MustCompile(`cipher\.New(CBC|CFB|CTR|OFB)`).Match(text) {
			t.Errorf("%s seals by another mode than GCM", path)
		}
	}
}

// TestVerifyConnectionIsTheCheck: of the two hooks of crypto/tls, only one runs
// on resumed connections too.
func TestVerifyConnectionIsTheCheck(t *testing.T) { // TLS-5
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(root(t), "web", "target", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	used := 0
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				switch id.Name {
				case "VerifyConnection":
					used++
				case "VerifyPeerCertificate", "ClientSessionCache":
					t.Errorf("%s uses %s", path, id.Name)
				}
			}
			return true
		})
	}
	if used != 1 {
		t.Errorf("VerifyConnection is used %d times, want once", used)
	}
}
