package dialect

const vbazureAbout = `{"serverVersion":"8.1.0.361","workerVersion":"8.1.0.361","flrVersion":"8.1.0.361","databaseId":"b21a6f4e-3a6f-44f5-9d0c-0c5cf0ad17d8","copyright":"Sandbox of Token Playground","deploymentSubscriptionId":"8ed5c1c4-0a5f-4c9c-9a9c-4ff37f5a9a11"}`

// Whatever public clients ask first.
var vbazureCalls = []Operation{
	{Purpose: FirstCall, Group: "System", Method: "GET", Path: "/api/{version}/system/time", Summary: "Get the appliance's time", Status: 200,
		Body:  `{"utcDateTime":"${now}","timeZone":"UTC"}`,
		Basis: Documented, Reason: "Specification 8.1."},
}
