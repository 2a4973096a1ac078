// The documents of the products, beside our own.
const listed = {{listed}};

window.ui = SwaggerUIBundle({
	dom_id: "#swagger-ui",
	urls: [
		{ name: "Token Playground", url: "/openapi.json" },
		{ name: "Token Playground (Swagger 2.0)", url: "/swagger.json" },
		...listed,
	],
	presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
	layout: "StandaloneLayout",
	deepLinking: true,
	docExpansion: "none",
	defaultModelsExpandDepth: 0,
	displayRequestDuration: true,
	// A foreign service would be asked otherwise.
	validatorUrl: null,
});
