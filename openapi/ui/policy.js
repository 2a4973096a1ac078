// Swagger UI writes HTML as text in a few places: icons of its own, and
// descriptions that DOMPurify has cleaned. This lets HTML pass that can run
// nothing, and neither scripts nor addresses of scripts. What is a sign of a
// script is refused as a whole; the policy of the page forbids it once more.
"use strict";
if (window.trustedTypes) {
	const runs = /<\s*(script|iframe|object|embed|base|meta|link|form)|[\s"'/]on[a-z]+\s*=|javascript:|srcdoc/i;
	trustedTypes.createPolicy("default", {
		createHTML: (html) => runs.test(html) ? null : html,
	});
}
