package dialect

// The page around the jobs is that of the reference of v7, whose overview
// shows the array alone, shortened to id and name.
const (
	vbahvJobs = `{"offset":0,"limit":100,"totalCount":2,"results":[{"id":"0b5a3f0e-6f43-4c39-8f6a-1f0f9f1f4d01","name":"Daily mail servers"},` +
		`{"id":"7c9de2b4-52c8-4bb5-9d3a-6e2a4f5b8c02","name":"Weekly media servers"}]}`

	vbahvClusters = `[{"id":"00061a2b-3c4d-5e6f-7a8b-9c0d1e2f3a4b","name":"sandbox-cluster"}]`
)

// Whatever public clients ask first.
var vbahvCalls = []Operation{
	{Purpose: FirstCall, Group: "Clusters", Method: "GET", Path: "/api/{version}/clusters", Summary: "List the clusters", Status: 200,
		Body: vbahvClusters, Basis: Choice, Reason: "A bare array in the reference of v8, whose members are not printed."},
}
