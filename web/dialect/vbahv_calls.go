package dialect

const vbahvJobs = `[]`

// Whatever public clients ask first.
var vbahvCalls = []Operation{
	{Purpose: FirstCall, Group: "Clusters", Method: "GET", Path: "/api/{version}/clusters", Summary: "List the clusters", Status: 200,
		Body:  `[]`,
		Basis: Choice, Reason: "A public client calls it; no document prints its answer."},
}
