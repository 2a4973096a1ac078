package dialect

// Names, order and types of the members are those of the published
// specification of 1.0-rev0; the values are the sandbox's own. Optional
// members are left out.
const (
	vbawsVersion = `{"about":"Sandbox of Token Playground","version":"9.0.0.1015"}`

	vbawsTime = `{"utcDateTime":"${now}"}`

	vbawsPolicies = `{"totalCount":1,"results":[{"id":"a3c5b0de-6e0e-4a55-8d3e-0a54a1ad8b01","regionIds":["7f2d9f8c-0d5e-4f0e-9d1a-1c0c8a2a3c02"],` +
		`"name":"Daily mail servers","description":"Every day at ten","priority":1,"amazonAccountId":"c0de0d2a-4a5b-4c1e-8b5f-3f6a2c9b7d03","isEnabled":true,"backupType":"SelectedItems"}]}`

	vbawsRepositories = `{"totalCount":1,"results":[{"id":"e2b7a1c4-9f5d-4d2b-8c6e-5d8f7a6b4c04","name":"Default repository","description":"Made by the sandbox",` +
		`"amazonAccountId":"c0de0d2a-4a5b-4c1e-8b5f-3f6a2c9b7d03","amazonStorageFolder":"backups","enableEncryption":false}]}`
)

// Whatever public clients ask first, and the call that makes codes.
var vbawsCalls = []Operation{
	{Purpose: MakeCode, Group: "Token", Method: "POST", Path: "/api/v1/token/authorizationCode", Summary: "Get an authorization code", Status: 200,
		Gives: []Field{{Term: AuthorizationCode, Wire: "code", As: Text, Secret: true}}, Basis: Documented},
	{Purpose: FirstCall, Group: "System", Method: "GET", Path: "/api/v1/system/time", Summary: "Get the appliance's time", Status: 200,
		Body: vbawsTime, Basis: Documented, Reason: "Specification 1.0-rev0."},
	{Purpose: FirstCall, Group: "Policies", Method: "GET", Path: "/api/v1/policies", Summary: "List the policies", Status: 200,
		Body: vbawsPolicies, Basis: Documented, Reason: "Specification 1.0-rev0, its required members."},
	{Purpose: FirstCall, Group: "Repositories", Method: "GET", Path: "/api/v1/repositories", Summary: "List the repositories", Status: 200,
		Body: vbawsRepositories, Basis: Documented, Reason: "Specification 1.0-rev0, its required members."},
}
