package dialect

// Names, order and types of the members are those of the published
// specifications, 1.1-rev0 to 1.3-rev2; the values are the sandbox's own.
// Strictly typed clients read these answers, so what a revision lacks is left
// out for it.
const (
	vbrServerInfo = `{"vbrId":"6745a759-2205-4cd2-b172-8ec8f7e60ef8","name":"enterprise01.tech.local","buildVersion":"13.1.0.411","patches":[],` +
		`"databaseVendor":"PostgreSql","sqlServerEdition":"","sqlServerVersion":"","databaseSchemaVersion":"13.1.0.411","databaseContentVersion":"13.1.0.411",` +
		`"veeamRegistration":{"isRegistered":false},"platform":"Windows"}`
	// Clients of these revisions know neither platform nor veeamRegistration.
	vbrServerInfo12 = `{"vbrId":"6745a759-2205-4cd2-b172-8ec8f7e60ef8","name":"enterprise01.tech.local","buildVersion":"12.3.1.1139","patches":[],` +
		`"databaseVendor":"PostgreSql","sqlServerEdition":"","sqlServerVersion":"","databaseSchemaVersion":"12.3.1.1139","databaseContentVersion":"12.3.1.1139"}`

	vbrServerTime     = `{"serverTime":"${now}","timeZone":"(UTC) Coordinated Universal Time","ianaTimeZoneId":"Etc/UTC"}`
	vbrServerTimeBare = `{"serverTime":"${now}","timeZone":"(UTC) Coordinated Universal Time"}`

	vbrCertificate = `{"thumbprint":"3C5A0E9F7B1D48426E8A90C2D4F6B8013579ACE1","serialNumber":"4B7D2F90A1C35E6842","keyAlgorithm":"1.2.840.113549.1.1.1","keySize":"2048",` +
		`"subject":"CN=enterprise01.tech.local","issuedTo":"enterprise01.tech.local","issuedBy":"enterprise01.tech.local",` +
		`"validFrom":"2025-01-01T00:00:00Z","validBy":"2035-01-01T00:00:00Z","isTrusted":false}`

	vbrRepositories = `{"data":[{"id":"88788f9e-d8f5-4eb4-bc4f-9b3f5403bcec","name":"Default Backup Repository","description":"Made by the installer","type":"WinLocal",` +
		`"hostId":"6745a759-2205-4cd2-b172-8ec8f7e60ef8","repository":{"path":"C:\\Backup","taskLimitEnabled":true,"maxTaskCount":4,"readWriteLimitEnabled":false,"readWriteRate":0},` +
		`"uniqueId":"sandbox-1"}],"pagination":{"total":1,"count":1,"skip":0,"limit":200}}`

	vbrJobStates = `{"data":[{"id":"c05f9d6e-3b7c-4b0e-8d0f-5a1b7a5f2e11","name":"Daily mail servers","type":"VSphereBackup","description":"Every day at ten","status":"Inactive",` +
		`"lastResult":"Success","workload":"Vm","objectsCount":3,"highPriority":false,"progressPercent":100,"lastRun":"${now}",` +
		`"repositoryId":"88788f9e-d8f5-4eb4-bc4f-9b3f5403bcec","repositoryName":"Default Backup Repository"}],"pagination":{"total":1,"count":1,"skip":0,"limit":200}}`

	vbrLicense = `{"status":"Valid","edition":"EnterprisePlus","licensedTo":"Token Playground","supportId":"0000000","autoUpdateEnabled":false,` +
		`"freeAgentInstanceConsumptionEnabled":true,"cloudConnect":"Disabled","IsMultiSection":false,"proactiveSupportEnabled":false,"type":"Evaluation"}`
)

// Whatever public clients ask first, and the call that makes codes.
var vbrCalls = []Operation{
	{Purpose: MakeCode, Group: "Login", Method: "POST", Path: "/api/oauth2/authorization_code", Summary: "Get an authorization code", Until: "1.2-rev1", Status: 200,
		Gives: []Field{{Term: AuthorizationCode, Wire: "code", As: Text, Secret: true}},
		Basis: Documented, Reason: "Specification 1.1-rev0. Gone since 1.3-rev0."},
	{Purpose: FirstCall, Group: "Service", Method: "GET", Path: "/api/v1/serverTime", Summary: "Get server time", Anonymous: true, Status: 200,
		Body: vbrServerTime, Older: []OlderBody{{Until: "1.3-rev1", Body: vbrServerTimeBare}},
		Basis: Documented, Reason: "Available to anyone: it shows that the server is there and proves no token."},
	{Purpose: FirstCall, Group: "Service", Method: "GET", Path: "/api/v1/serverCertificate", Summary: "Get the server's certificate", Status: 200,
		Body: vbrCertificate, Basis: Documented, Reason: "Specification 1.3-rev2."},
	{Purpose: FirstCall, Group: "Repositories", Method: "GET", Path: "/api/v1/backupInfrastructure/repositories", Summary: "List the repositories", Status: 200,
		Body: vbrRepositories, Basis: Documented, Reason: "Specification 1.3-rev2, without its nested options."},
	{Purpose: FirstCall, Group: "Jobs", Method: "GET", Path: "/api/v1/jobs/states", Summary: "List the jobs and their states", Status: 200,
		Body: vbrJobStates, Basis: Documented, Reason: "Specification 1.3-rev2. Earlier revisions write some of the values in lower case."},
	{Purpose: FirstCall, Group: "License", Method: "GET", Path: "/api/v1/license", Summary: "Get the installed license", Status: 200,
		Body: vbrLicense, Basis: Documented, Reason: "Specification 1.3-rev2, without the summaries of consumption."},
}
