package dialect

// Names, order and types of the members are those of the collections in the
// REST API references 2.0 and 3.0 (archive); the values are the sandbox's own.
// Arrays are bare. Links are left out, as the product does with setLinks=false.
const (
	vacTenants = `[{"id":3,"name":"Alpha","instanceUid":"5f3f1f6c-0a4a-4f0a-9f0b-0d6f0f6b7a01","siteName":"Sandbox","tenantType":"General","description":"First company",` +
		`"title":"Mr.","firstName":"Jo","lastName":"Berg","userName":"Alpha","emailAddress":"jo@alpha.example","isEnabled":true,"taxId":"","telephone":"","country":"",` +
		`"maxConcurrentTasks":1,"bandwidthThrottlingEnabled":false,"allowedBandwidth":1,"allowedBandwidthUnits":"MB/s",` +
		`"vMsBackedUp":15,"vMsReplicated":6,"vMsBackedUpToCloud":4,"expirationEnabled":false,"expirationDate":null},` +
		`{"id":4,"name":"Delta","instanceUid":"5f3f1f6c-0a4a-4f0a-9f0b-0d6f0f6b7a02","siteName":"Sandbox","tenantType":"General","description":"Second company",` +
		`"title":"Ms.","firstName":"Kim","lastName":"Lund","userName":"Delta","emailAddress":"kim@delta.example","isEnabled":true,"taxId":"","telephone":"","country":"",` +
		`"maxConcurrentTasks":2,"bandwidthThrottlingEnabled":false,"allowedBandwidth":1,"allowedBandwidthUnits":"MB/s",` +
		`"vMsBackedUp":2,"vMsReplicated":0,"vMsBackedUpToCloud":2,"expirationEnabled":false,"expirationDate":null}]`

	vacJobs = `[{"id":11,"name":"Daily backup","status":"Success","type":"Backup","lastRun":"${now}","endTime":"${now}","duration":328,"durationUnits":"s",` +
		`"processingRate":17.66,"processingRateUnits":"MB/s","avgDuration":328,"avgDurationUnits":"s","transferredData":1.52,"transferredDataUnits":"GB",` +
		`"bottleneck":"Source","serverName":"ENTERPRISE01","isEnabled":true,"protectedVMs":1,"schedulingType":"Periodically","actions":["stop","retry","enable","disable","start"]}]`

	vacRepositories = `[{"id":1,"name":"Default Backup Repository","serverName":"ENTERPRISE01","companyName":"Alpha","locationName":"Default location",` +
		`"capacity":119.7,"capacityUnits":"GB","freeSpace":86.1,"freeSpaceUnits":"GB","backupSize":11.5,"backupSizeUnits":"GB","healthState":"OK"}]`

	vacServers = `[{"id":1,"name":"ENTERPRISE01"}]`

	vacUser = `{"id":2,"firstName":"Kim","lastName":"Lund","userName":"Delta","role":"Company Owner","title":"Ms.","status":"Enabled","email":"kim@delta.example"}`
)

// Whatever public clients ask first.
var vacCalls = []Operation{
	{Purpose: FirstCall, Group: "Jobs", Method: "GET", Path: "/v2/jobs", Summary: "List the jobs", Status: 200,
		Body: vacJobs, Basis: Documented, Reason: "Jobs, references 2.0 and 5.0."},
	{Purpose: FirstCall, Group: "BackupRepositories", Method: "GET", Path: "/v2/backupRepositories", Summary: "List the repositories", Status: 200,
		Body: vacRepositories, Basis: Documented, Reason: "Backup Repositories, reference 2.0."},
	{Purpose: FirstCall, Group: "BackupServers", Method: "GET", Path: "/v2/backupServers", Summary: "List the backup servers", Status: 200,
		Body: vacServers, Basis: Documented, Reason: "Backup Servers, reference 2.0."},
	{Purpose: FirstCall, Group: "Users", Method: "GET", Path: "/v2/users/{id}", Summary: "Get a user", Status: 200,
		Body: vacUser, Basis: Documented, Reason: "Users, reference 3.0."},
}
