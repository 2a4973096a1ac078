package dialect

const vbrServerInfo = `{"vbrId":"6745a759-2205-4cd2-b172-8ec8f7e60ef8","name":"enterprise01.tech.local","buildVersion":"13.1.0.411","patches":[],"databaseVendor":"PostgreSql","sqlServerEdition":"","sqlServerVersion":"","databaseSchemaVersion":"13.1.0.411","databaseContentVersion":"13.1.0.411","platform":"Windows"}`

// Whatever public clients ask first.
var vbrCalls = []Operation{
	{Purpose: FirstCall, Group: "Service", Method: "GET", Path: "/api/v1/serverTime", Summary: "Get server time", Anonymous: true, Status: 200,
		Body:  `{"serverTime":"${now}","timeZone":"(UTC) Coordinated Universal Time"}`,
		Basis: Documented, Reason: "Available to anyone: it shows that the server is there and proves no token."},
}
