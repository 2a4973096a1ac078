package dialect

// The members of an instance are those of the overview; the values are the
// sandbox's own.
const (
	vbgcpInstances = `[{"id":"5876786467083982093","resourceId":"sandbox-vm-1","name":"sandbox-vm-1","locationId":"1587a0d3-f27a-436e-b0cb-fe2d82a85701",` +
		`"locationName":"europe-west3-a","projectId":"sandbox-project","instanceType":"e2-medium"}]`

	vbgcpAbout = `{"version":"6.0.0.21"}`
)

// Whatever public clients ask first.
var vbgcpCalls = []Operation{
	{Purpose: FirstCall, Group: "About", Method: "GET", Path: "/api/v1/about", Summary: "Get information about the appliance", Status: 200,
		Body: vbgcpAbout, Basis: Choice, Reason: "Public clients ask for it; no document shows the answer."},
}
