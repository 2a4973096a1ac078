//go:build swag

package openapi

// getOpenAPI3 stands for the route that serves OpenAPI3.
//
//	@ID			openapi
//	@Summary	This description, as OpenAPI 3
//	@Tags		Description
//	@Produce	json
//	@Success	200	{object}	object	"The document"
//	@Failure	421	{object}	handlers.ProblemJSON	"The request names another host"
//	@Router		/openapi.json [get]
func getOpenAPI3() {}

// getSwagger2 stands for the route that serves Swagger2.
//
//	@ID			swagger
//	@Summary	This description, as Swagger 2.0
//	@Tags		Description
//	@Produce	json
//	@Success	200	{object}	object	"The document"
//	@Failure	421	{object}	handlers.ProblemJSON	"The request names another host"
//	@Router		/swagger.json [get]
func getSwagger2() {}
