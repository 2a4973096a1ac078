package dialect

// Names, order and types of the members are those of the published
// specification of 2.3; the values are the sandbox's own.
const (
	voneAbout = `{"name":"Veeam ONE Reporting Service","version":"13.0.0.6033","machine":"onesrv","logPath":"C:\\ProgramData\\Veeam\\Veeam ONE\\Logs\\Reporter"}`

	voneLicense = `{"type":"Evaluation","expirationDate":"2035-01-01T00:00:00Z","supportExpirationDate":"2035-01-01T00:00:00Z","instances":100,"sockets":0,"package":"Suite",` +
		`"company":"Token Playground","email":"jo@alpha.example","supportId":"0000000","licenseId":"c44b3242-ce34-40c7-afcd-e8773deb7f13"}`
)

// Whatever public clients ask first.
var voneCalls = []Operation{
	{Purpose: FirstCall, Group: "Licensing", Method: "GET", Path: "/api/{version}/license", Summary: "Get the license", Status: 200,
		Body: voneLicense, Basis: Documented, Reason: "Specification 2.3."},
}
