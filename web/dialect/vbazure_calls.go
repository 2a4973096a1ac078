package dialect

// Names, order and types of the members are those of the published
// specification of 8.1; the values are the sandbox's own.
const (
	vbazureAbout = `{"serverVersion":"8.1.0.361","workerVersion":"8.1.0.361","flrVersion":"8.1.0.361","databaseId":"b21a6f4e-3a6f-44f5-9d0c-0c5cf0ad17d8",` +
		`"copyright":"Sandbox of Token Playground","deploymentSubscriptionId":"8ed5c1c4-0a5f-4c9c-9a9c-4ff37f5a9a11"}`

	vbazureServerInfo = `{"subscriptionId":"8ed5c1c4-0a5f-4c9c-9a9c-4ff37f5a9a11","serverName":"sandbox-appliance","azureRegion":"westeurope","azureRegionName":"West Europe",` +
		`"azureVmId":"/subscriptions/8ed5c1c4-0a5f-4c9c-9a9c-4ff37f5a9a11/resourceGroups/sandbox/providers/Microsoft.Compute/virtualMachines/sandbox-appliance",` +
		`"resourceGroup":"sandbox","azureEnvironment":"Global","virtualMachineUniqueId":"0d0f2a3c-6c57-4f0e-9b4a-53c2b7c4e0a6"}`

	vbazureTime = `{"utcDateTime":"${now}","timeZone":"UTC"}`

	vbazureAccounts = `{"offset":0,"limit":100,"totalCount":1,"results":[{"accountId":"1","applicationId":"5a7e1a2b-93b2-4c83-9f64-2a8f0a6a5d55","name":"Sandbox service account",` +
		`"description":"Made by the sandbox","region":"Global","tenantId":"3f0c7c2a-8d47-4f15-a5c2-0a7b1e9d4c66","tenantName":"Sandbox","accountOrigin":"Imported Secret",` +
		`"expirationDate":null,"accountState":"Created","adGroupId":null,"adGroupName":null,"purposes":["WorkerManagement","VirtualMachineBackup"],` +
		`"managementGroupId":null,"managementGroupName":null,"subscriptionIds":["8ed5c1c4-0a5f-4c9c-9a9c-4ff37f5a9a11"],"selectedForWorkermanagement":true}]}`
)

// Whatever public clients ask first.
var vbazureCalls = []Operation{
	{Purpose: FirstCall, Group: "System", Method: "GET", Path: "/api/{version}/system/serverInfo", Summary: "Get details of the appliance", Status: 200,
		Body: vbazureServerInfo, Basis: Documented, Reason: "Specification 8.1."},
	{Purpose: FirstCall, Group: "System", Method: "GET", Path: "/api/{version}/system/time", Summary: "Get the appliance's time", Status: 200,
		Body: vbazureTime, Basis: Documented, Reason: "Specification 8.1."},
	{Purpose: FirstCall, Group: "AzureServiceAccount", Method: "GET", Path: "/api/{version}/accounts/azure/service", Summary: "List the service accounts", Status: 200,
		Body: vbazureAccounts, Basis: Documented, Reason: "Specification 8.1, without links and states of permissions."},
}
