package dialect

// The members of a plan are those of the RecoveryPlanInfo schema of an earlier
// version; the values are the sandbox's own.
const vroPlans = `{"totalCount":1,"data":[{"id":"cd47d232-44f6-4c1c-84e2-8033049a5c14","planType":"Restore","recoveryLocationId":"66b41f69-36ae-4a3e-9f17-54ea4635c915",` +
	`"siteScopeId":"7514bfcc-dd93-418c-8ae3-8f43cc9bc916","siteScopeName":"Admin Scope","name":"Mail servers","state":"Enabled","stateName":"Enabled",` +
	`"resultName":"Complete, no errors, no warnings","description":"Made by the sandbox"}]}`

// Accounts for applications.
var vroCalls = []Operation{
	{Purpose: MakeClient, Group: "Clients", Method: "POST", Path: "/api/{version}/Clients", Summary: "Create a client account", Status: 200,
		Gives: []Field{
			{Term: ClientID, Wire: "clientId", As: Text},
			{Term: ClientSecret, Wire: "clientSecret", As: Text, Secret: true},
		},
		Basis: Documented, Members: Choice, Reason: "A client ID and a client secret are documented; their names are not."},
}
