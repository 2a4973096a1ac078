package web_test

import (
	"strconv"
	"testing"
)

// tortures are the cases of the torture plan, each with what tries it, as
// requirements are with what proves them. Those of the sandbox's own rules are
// no part of it.
var tortures = []requirement{
	// Sessions and keys.
	{"S-1", "the size of the cookie", []string{"web/session TestCookie", "web TestCookie"}},
	{"S-2", "a hundred thousand tickets", []string{"web/session TestCookie"}},
	{"S-3", "tickets that somebody presents", []string{"web/session TestNothingPresentedIsAdopted", "web TestForeignCookies"}},
	{"S-4", "a planted ticket", []string{"web/session TestRotate", "web TestTicketFollowsCredentials"}},
	{"S-5", "a dump of the store", []string{"web/session TestDump", "web/session TestDumpOfRedis", "web TestDumpsHoldNothing"}},
	{"S-6", "the keyring without a cookie", []string{"web/session TestKeyringAndStoreOpenNothing"}},
	{"S-7", "a save after the end", []string{"web/session TestForget"}},
	{"S-8", "swapped and damaged records", []string{"web/session TestSwappedRecords", "web/session TestSeal"}},
	{"S-9", "a second before and after each limit", []string{"web/session TestExpiry"}},
	{"S-10", "a clock that jumps by a day", []string{"web/session TestClockJumps"}},
	{"K-1", "rotation of keys under load", []string{"web/session TestKEY3RotationUnderLoad"}},
	{"K-2", "a key that is removed", []string{"web/session TestKEY4OneLineWithTheCount"}},
	{"K-3", "bad keyrings", []string{"web/session TestParseKeyring", "web/session TestKeyringFile"}},

	// Refresh and replicas.
	{"R-1", "fifty tabs", []string{"web TestFiftyRefreshesAreOneCall", "web/session TestREF1FiftyTabsOnTwoReplicas"}},
	{"R-2", "a slow target and a second replica", []string{"web/session TestREF2LeaseOutlivesASlowTarget"}},
	{"R-3", "twenty saves at once", []string{"web/session TestParallelUpdates"}},
	{"R-4", "a tab that is closed", []string{"web/session TestUpdate"}},
	{"R-5", "a kill between answer and save", []string{"web/session TestREF6CrashInTheWindow", "cmd/playground TestKilledAtAnyMoment"}},
	{"R-6", "every way to fail", []string{"web TestFailures", "web TestRefreshUnderWayIsNoted"}},
	{"R-7", "two replicas in turns", []string{"cmd/playground TestReplicasTakeTurns", "web/session TestREP1TwoReplicas"}},
	{"R-8", "the holder of a lock dies", []string{"web/session TestR08HolderDies"}},
	{"R-9", "a failover that loses a write", []string{"web/store/redisstore TestRDS5FailoverThatLostTheLastWrite"}},

	// The browser's boundary.
	{"X-1", "a rebound name in a browser", []string{"cmd/playground TestReboundName"}},
	{"X-2", "spellings of the host", []string{"web TestHostSpellings"}},
	{"X-3", "forms of other sites", []string{"web TestCrossOriginTable", "cmd/playground TestBrowser"}},
	{"X-4", "forms of other ports and siblings", []string{"web TestCrossOriginTable"}},
	{"X-5", "old browsers", []string{"web TestCrossOriginTable"}},
	{"X-6", "a cookie without headers", []string{"web TestFormWithoutOrigin"}},
	{"X-7", "frames of another origin", []string{"cmd/playground TestBrowser", "web TestEveryAnswerIsGuarded"}},
	{"X-8", "an embedded demo", []string{"not: no page may be framed"}},
	{"X-9", "texts that would be markup", []string{"web TestTextStaysText", "cmd/playground TestBrowser"}},
	{"X-10", "headers of every answer", []string{"web TestEveryAnswerIsGuarded"}},
	{"X-11", "back, forward and a tab that is opened again", []string{"cmd/playground TestBrowser"}},
	{"X-12", "another tool at another port", []string{"web TestForeignCookies", "web TestLargeHeads"}},

	// Egress.
	{"E-1", "no socket", []string{"cmd/playground TestDemoNeedsNoNetwork"}},
	{"E-2", "spellings of an address", []string{"web/target TestParseAddressRefuses", "web/target FuzzParseAddress"}},
	{"E-3", "spellings of loopback", []string{"web/target TestParseAddressRefuses", "web/target TestFloor"}},
	{"E-4", "zones", []string{"web/target TestParseAddressRefuses", "web/target TestFloor"}},
	{"E-5", "addresses of metadata", []string{"web/target TestFloor", "web/target TestPolicyAllow"}},
	{"E-6", "IPv4 inside IPv6", []string{"web/target TestFloor"}},
	{"E-7", "our own port", []string{"web/target TestRebinding", "web/target TestPolicyCheck"}},
	{"E-8", "a name that flips", []string{"web/target TestRebinding"}},
	{"E-9", "a listed name at another address", []string{"web/target TestRebinding"}},
	{"E-10", "no lookup of what is not listed", []string{"web/target TestPolicyComesBeforeTheLookup"}},
	{"E-11", "what open egress keeps", []string{"web/target TestPolicyCheck", "web TestPagesNameTheProfile"}},
	{"E-12", "proxies of the environment", []string{"web/target TestEnvironmentProxiesAreIgnored"}},
	{"E-13", "what refusals tell", []string{"web/target TestRefusalsDoNotTellRangesApart", "not: how long each takes is no verdict; nothing is looked up or dialled for any of them"}},
	{"E-14", "a list that changes under a call", []string{"not: the list is read at the start only, and no connection outlives its call"}},

	// Hostile targets and TLS.
	{"H-1", "silence", []string{"web/target TestHostileServers", "web TestHungAndAbortedCalls"}},
	{"H-2", "an answer in drops", []string{"web/target TestHostileServers"}},
	{"H-3", "endless headers", []string{"web/target TestHostileServers"}},
	{"H-4", "endless 1xx", []string{"web/target TestHostileServers"}},
	{"H-5", "redirects", []string{"web/target TestRedirectsAreTheAnswer", "web TestFailures"}},
	{"H-6", "bombs", []string{"web/target TestHostileServers"}},
	{"H-7", "an endless body", []string{"web/target TestHostileServers"}},
	{"H-8", "a length that is no length", []string{"web/target TestHostileServers"}},
	{"H-9", "both lengths", []string{"web/target TestHostileServers"}},
	{"H-10", "what is not HTTP", []string{"web/target TestHostileServers", "web/target TestNotHTTPQuotesLittleAndEscaped"}},
	{"H-11", "JSON that costs", []string{"web/dialect TestDecodeTraps", "web/dialect FuzzDecode"}},
	{"H-12", "answers that would act", []string{"web TestTextStaysText", "web TestWhatTheServerRepeats", "cmd/playground TestBrowser"}},
	{"H-13", "tokens that end their header", []string{"web TestPoisonedTokens", "web/target TestRequestsThatCannotBeSent"}},
	{"H-14", "cookies", []string{"not: there is no jar; one cookie, which the product names, goes back with its pair", "web TestAntiforgeryCookieComesBack", "web TestTargetsHearNothingOfTheBrowser"}},
	{"H-15", "half-open connections", []string{"web TestHungAndAbortedCalls", "web/target TestHostileServers"}},
	{"H-16", "a bad network", []string{"not: what a proxy of faults does to bytes is what the hostile servers do", "web/target TestHostileServers", "web TestFanOut"}},
	{"L-1", "certificates that are refused", []string{"web/target TestCertificates"}},
	{"L-2", "trust by fingerprint", []string{"web TestRealTarget", "web/target TestTrustLikeSSH"}},
	{"L-3", "a certificate that changes", []string{"web TestRealTarget", "web/target TestChangedCertificateTellsWhetherTheKeyIsNew"}},
	{"L-4", "a connection that is resumed", []string{"web TestVerifyConnectionIsTheCheck"}},
	{"L-5", "pins of the operator", []string{"web/target TestTrustLikeSSH", "web TestListedTargets"}},
	{"L-6", "a neighbour's trust", []string{"web TestRealTarget", "web/target TestTrustLikeSSH"}},
	{"L-7", "old TLS and a handshake that stalls", []string{"web/target TestOldTLS", "web/target TestConnectFailures"}},

	// Load and memory.
	{"B-1", "slow heads", []string{"web TestSlowClients"}},
	{"B-2", "slow bodies and readers", []string{"web TestSlowClients"}},
	{"B-3", "big bodies", []string{"web TestBadInput", "handlers FuzzReadForm"}},
	{"B-4", "big heads", []string{"web TestLargeHeads"}},
	{"B-5", "guessing passwords", []string{"web TestSpray"}},
	{"B-6", "many at one target", []string{"web TestFanOut"}},
	{"B-7", "forged headers of proxies", []string{"web TestForwardedHeadersAreIgnored"}},
	{"B-8", "a class", []string{"cmd/playground TestSoak", "web TestFairLoad"}},
	{"B-9", "a bully in the class", []string{"web TestThirtyPeopleAndABully"}},
	{"B-10", "a million addresses", []string{"web/limit TestAddressFlood"}},
	{"B-11", "the ceiling", []string{"not: how much a machine carries is a benchmark's to say, and no verdict"}},
	{"B-12", "all at once", []string{"web TestFairLoad", "not: how long a browser takes is no verdict"}},
	{"B-13", "floods of HTTP/2", []string{"web TestNoHTTP2"}},
	{"M-1", "hours of use", []string{"cmd/playground TestSoak"}},
	{"M-2", "calls that hang or are left", []string{"web TestHungAndAbortedCalls", "web/target TestAbortedCallsLeaveNothingBehind"}},
	{"M-3", "a small machine", []string{"cmd/playground TestMemoryLimit", "cmd/playground TestSoak"}},

	// Disk, Redis, the end, secrets.
	{"D-1", "kills while writing", []string{"web/store/boltstore TestSTO1NothingAnsweredIsLostToSIGKILL", "cmd/playground TestKilledAtAnyMoment"}},
	{"D-2", "damaged files", []string{"web/store/boltstore TestSTO3DamagedFilesNeverKeepTheServerDown"}},
	{"D-3", "a full disk", []string{"web/store/boltstore TestSTO4FullDisk"}},
	{"D-4", "rights of files", []string{"web/store/boltstore TestFile", "web/session TestKeyringFile"}},
	{"D-5", "growth", []string{"web/store/boltstore TestSTO6Growth"}},
	{"D-6", "a Redis that hangs or is gone", []string{"web/store/redisstore TestRDS1RDS2HungRedis", "web/store/redisstore TestRDS1KilledAndRestartedRedis", "web TestRedisTrouble"}},
	{"D-7", "a second process", []string{"web/store/boltstore TestREP2SecondProcess"}},
	{"D-8", "a cold Redis", []string{"web/store/redisstore TestRDS3ColdRedis"}},
	{"D-9", "a full Redis", []string{"web/store/redisstore TestRDS1FullRedis", "web TestEvictionIsWarnedOf"}},
	{"D-10", "a failover", []string{"web/store/redisstore TestRDS5FailoverThatLostTheLastWrite"}},
	{"D-11", "keys that would never end", []string{"web/store/redisstore TestRDS7EveryKeyEndsAndNothingIsScanned"}},
	{"D-12", "a Redis that only reads", []string{"web/store/redisstore TestRDS1ReadOnlyRedis"}},
	{"G-1", "the end during a call", []string{"web TestEnd", "cmd/playground TestStopOnSignal"}},
	{"G-2", "the end with a target that hangs", []string{"not: a call is over after 20 seconds by itself, sooner than the 25 that the end allows", "web/target TestHostileServers", "cmd/playground TestSecondSignal"}},
	{"G-3", "a rolling restart", []string{"cmd/playground TestRollingRestart"}},
	{"G-4", "panics", []string{"web TestPanicsEndOneRequestOnly"}},
	{"C-1", "canaries", []string{"web TestCanaries"}},
	{"C-2", "addresses", []string{"web TestNoSecretInAnAddress"}},
	{"C-3", "what a browser keeps", []string{"cmd/playground TestBrowser"}},
	{"C-4", "exports", []string{"web TestCanaries", "web/snippet TestSecretsAreFoundWhereverTheyStand"}},
	{"C-5", "lines of the log", []string{"web TestLogLinesStayWhole"}},
	{"C-6", "the trace of a crash", []string{"cmd/playground TestCrashTellsNoSecret"}},

	// Supply chain and fuzzing.
	{"Q-1", "versions", []string{"gate versions"}},
	{"Q-2", "modules and generated files", []string{"gate modules", "gate generated"}},
	{"Q-3", "vulnerabilities", []string{"gate vulnerabilities"}},
	{"Q-4", "linters", []string{"gate lint", "gate staticcheck"}},
	{"Q-5", "secrets in the tree", []string{"gate secrets"}},
	{"Q-6", "two builds", []string{"gate image"}},
	{"Q-7", "a run without rights", []string{"gate image"}},
	{"F-1", "tickets", []string{"web/session FuzzCookie"}},
	{"F-2", "records", []string{"web/session FuzzOpen", "web/session FuzzDecodeState", "handlers FuzzDecodeRecord", "web/sandbox FuzzOpenKey", "web/store/boltstore FuzzRecord", "web/store/redisstore FuzzRecord"}},
	{"F-3", "keyrings and what else operators write", []string{"web/session FuzzParseKeyring", "web/target FuzzLoadFile", "web FuzzParseProxies", "web/dialect FuzzRead"}},
	{"F-4", "addresses", []string{"web/target FuzzParseAddress"}},
	{"F-5", "answers", []string{"web/dialect FuzzDecode", "web/target FuzzReadAnswer", "web/target FuzzDescribe"}},
	{"F-6", "times", []string{"web/dialect FuzzParseTime"}},
	{"F-7", "tokens", []string{"web/inspect FuzzRead"}},
	{"F-8", "redaction", []string{"web/secret FuzzReplace"}},
}

// planned are the cases that must be in the table, counted from 1.
var planned = map[string]int{"S": 10, "K": 3, "R": 9, "X": 12, "E": 14, "H": 16, "L": 7, "B": 13, "M": 3, "D": 12, "G": 4, "C": 6, "Q": 7, "F": 8}

func TestEveryTortureIsTried(t *testing.T) {
	t.Parallel()
	cases, tests := proved(t, tortures, planned)
	t.Log("cases: " + strconv.Itoa(cases) + ", tests named: " + strconv.Itoa(tests))
}
