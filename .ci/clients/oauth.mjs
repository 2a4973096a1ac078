// Lives the table with three OAuth libraries of npm, which know nothing of the
// products but the address of the token call and the headers that go with it.
//
//	NODE_EXTRA_CA_CERTS=CA-FILE node oauth.mjs TABLE

import { readFile } from "node:fs/promises";
import * as openid from "openid-client";
import * as oauth from "oauth4webapi";
import { ResourceOwnerPassword } from "simple-oauth2";

const id = "cli";

// Each library signs in, refreshes and calls, and throws when it is refused.
const libraries = {
	"openid-client"(product, tokenURL) {
		const config = new openid.Configuration({ issuer: product.url, token_endpoint: tokenURL }, id, undefined, openid.None());
		config[openid.customFetch] = dressed(product);
		return {
			password: (username, password) => openid.genericGrantRequest(config, "password", { username, password }),
			refresh: (token) => openid.refreshTokenGrant(config, token),
			call: (token, url, options) => openid.fetchProtectedResource(config, token, new URL(url), options.method, options.body),
		};
	},
	"oauth4webapi"(product, tokenURL) {
		const server = { issuer: product.url, token_endpoint: tokenURL };
		const client = { client_id: id };
		const options = { [oauth.customFetch]: dressed(product) };
		return {
			async password(username, password) {
				const answer = await oauth.genericTokenEndpointRequest(server, client, oauth.None(), "password", new URLSearchParams({ username, password }), options);
				return oauth.processGenericTokenEndpointResponse(server, client, answer);
			},
			async refresh(token) {
				const answer = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), token, options);
				return oauth.processRefreshTokenResponse(server, client, answer);
			},
			call: (token, url, { method, body }) => oauth.protectedResourceRequest(token, method, new URL(url), undefined, body, options),
		};
	},
	"simple-oauth2"(product, tokenURL) {
		const { origin, pathname } = new URL(tokenURL);
		const client = new ResourceOwnerPassword({
			client: { id, secret: "x" },
			auth: { tokenHost: origin, tokenPath: pathname },
			http: { headers: product.headers },
		});
		return {
			password: async (username, password) => (await client.getToken({ username, password })).token,
			refresh: async (token) => (await client.createToken({ refresh_token: token }).refresh()).token,
			call: (token, url, options) => dressed(product)(url, { ...options, headers: { Authorization: `Bearer ${token}` } }),
		};
	},
};

// What a library does not get on with, and what it says then. An entry that
// excuses nothing fails.
const refusals = {
	"openid-client": {
		vbahv: [/content-type 400/, "the product's grant field is grantType, which no OAuth library sends"],
	},
	"oauth4webapi": {
		vbahv: [/content-type.* 400/, "as above"],
	},
	"simple-oauth2": {
		vbahv: [/Bad Request 400/, "as above"],
	},
};

// dressed is fetch with the headers that go with every call.
function dressed(product) {
	return (url, options) => {
		const headers = new Headers(options.headers);
		for (const [name, value] of Object.entries(product.headers)) headers.set(name, value);
		return fetch(url, { ...options, headers });
	};
}

// status finds what the server answered in an error of any of the libraries.
function status(error) {
	for (let e = error; e; e = e.cause) {
		const found = e.status ?? e.output?.statusCode;
		if (found) return found;
	}
}

async function live(product, connect) {
	const kept = {};
	const put = (text) => Object.entries(kept).reduce((text, [word, value]) => text.replaceAll(word, value), text);
	const client = connect(product, product.url + product.life[0].path);
	for (const step of product.life) {
		let got, answer;
		try {
			if (step.oauth) {
				const { username, password, refresh_token: spent } = step.oauth;
				answer = spent ? await client.refresh(put(spent)) : await client.password(username, password);
				got = 200;
			} else {
				const body = step.form && new URLSearchParams(Object.entries(step.form).map(([n, v]) => [n, put(v)]));
				const response = await client.call(put(step.bearer), product.url + put(step.path), { method: step.method, body });
				got = response.status;
				answer = got == 200 && step.keeps ? await response.json() : undefined;
			}
		} catch (error) {
			got = status(error);
			if (got != step.status) throw new Error(`${step.name}: ${error.message} ${got ?? ""}: ${error.cause?.message ?? ""}`);
		}
		if (got != step.status) throw new Error(`${step.name}: got ${got}, want ${step.status}`);
		for (const [word, members] of Object.entries(step.keeps ?? {})) kept[word] = members.reduce((value, member) => value[member], answer);
	}
}

const products = JSON.parse(await readFile(process.argv[2], "utf8"));
let failed = false;
for (const [name, connect] of Object.entries(libraries)) {
	let lived = 0;
	for (const product of products) {
		const [pattern, reason] = refusals[name][product.id] ?? [];
		let error;
		await live(product, connect).catch((e) => { error = e; });
		if (!error && !pattern) lived++;
		else if (error && pattern?.test(error.message)) console.log(`${name}: ${product.id}: refused as expected: ${reason}`);
		else {
			failed = true;
			console.error(`${name}: ${product.id}: ${error ? error.message : "gets on with it; remove it from the refusals"}`);
		}
	}
	console.log(`${name}: ${lived} products`);
}
process.exitCode = failed ? 1 : 0;
