package dialect

// Names, order and types of the members are those of the User schema of 4.0
// and of the published specifications; the values are the sandbox's own.
const (
	vspcAbout = `{"data":{"installationId":"2f0c0d5e-3b1a-4f4d-8a5c-6b7d8e9f0a05","serverVersion":"9.2.0.32000"}}`

	vspcMe = `{"data":{"instanceUid":"${user_id}","organizationUid":"061fdfbb-898e-4625-8bee-352aa0a1b206","userName":"${username}","status":"enabled","role":"${role}",` +
		`"profile":{"firstName":"Jo","lastName":"Berg","title":"ms","email":"jo@alpha.example","address":null,"phone":null},` +
		`"credentials":{"userName":"${username}","password":null}}}`

	vspcCompanies = `{"meta":{"pagingInfo":{"total":1,"count":1,"offset":0}},"data":[{"instanceUid":"5f3f1f6c-0a4a-4f0a-9f0b-0d6f0f6b7a07","name":"Alpha","status":"active"}]}`
)

// Who is signed in, and whatever public clients ask first.
var vspcCalls = []Operation{
	{Purpose: WhoAmI, Group: "Accounts", Method: "GET", Path: "/api/v3/users/me", Summary: "Get the current user", Status: 200,
		Body: vspcMe, Within: Within{"data"},
		Tells: []Field{
			{Term: UserID, Wire: "instanceUid", As: UUID},
			{Term: Username, Wire: "userName", As: Text},
			{Term: Role, Wire: "role", As: Text},
		},
		Basis: Documented},
	{Purpose: FirstCall, Group: "Organizations", Method: "GET", Path: "/api/v3/organizations/companies", Summary: "List the companies", Status: 200,
		Body: vspcCompanies, Basis: Choice, Reason: "The page around the companies is documented; of their many members these three are given."},
}
