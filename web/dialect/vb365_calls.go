package dialect

// Names and types of the members are those of the published specification of
// version 8; the values are the sandbox's own. Optional members that say
// nothing here are left out.
const (
	vb365Instance = `{"installationId":"7c1b5a0e-2d3f-4a6b-9c8d-0e1f2a3b4c08","version":"8.1.0.305"}`

	vb365Organizations = `{"offset":0,"limit":30,"results":[{"isTeamsOnline":true,"isExchangeOnline":true,"isSharePointOnline":true,"type":"Office365","region":"Worldwide",` +
		`"id":"3d1c5b7a-8e9f-4a0b-b1c2-d3e4f5a6b709","name":"alpha.example","officeName":"alpha.example","isBackedup":true,` +
		`"firstBackuptime":"2025-01-01T00:00:00Z","lastBackuptime":"${now}"}]}`

	vb365Jobs = `{"offset":0,"limit":30,"results":[{"description":"Every day at ten","backupType":"EntireOrganization","id":"9a8b7c6d-5e4f-4a3b-8c2d-1e0f9a8b7c10",` +
		`"organizationId":"3d1c5b7a-8e9f-4a0b-b1c2-d3e4f5a6b709","repositoryId":"6b5a4c3d-2e1f-4b0a-9d8c-7e6f5a4b3c11","name":"Daily mailboxes",` +
		`"lastRun":"${now}","lastBackup":"${now}","isEnabled":true,"lastStatus":"Success"}]}`

	vb365Proxies = `{"offset":0,"limit":30,"results":[{"type":"Local","useInternetProxy":false,"operatingSystem":"Windows","id":"4f3e2d1c-0b9a-4c8d-a7e6-f5b4c3d2e112",` +
		`"hostName":"backup365","fqdn":"backup365.alpha.example","description":"Made by the sandbox","port":9193,"enableNetworkThrottling":false,"status":"Online","version":"8.1.0.305"}]}`
)

// Whatever public clients ask first, and the call that makes codes.
var vb365Calls = []Operation{
	{Purpose: MakeCode, Group: "Auth", Method: "POST", Path: "/{version}/token/AuthCode", Summary: "Request an authorization code", Since: "v7", Status: 200,
		Gives: []Field{{Term: AuthorizationCode, Wire: "authCode", As: Text, Secret: true}}, Basis: Documented,
		Reason: "No grant of this API takes the code: it is for the restore portal."},
	{Purpose: FirstCall, Group: "Organization", Method: "GET", Path: "/{version}/Organizations", Summary: "List the organizations", Status: 200,
		Body: vb365Organizations, Basis: Documented, Reason: "Specification of version 8."},
	{Purpose: FirstCall, Group: "Job", Method: "GET", Path: "/{version}/Jobs", Summary: "List the backup jobs", Status: 200,
		Body: vb365Jobs, Basis: Documented, Reason: "Specification of version 8."},
	{Purpose: FirstCall, Group: "Proxy", Method: "GET", Path: "/{version}/Proxies", Summary: "List the backup proxy servers", Status: 200,
		Body: vb365Proxies, Basis: Documented, Reason: "Specification of version 8."},
}
