// Makes a client in TypeScript of each product's document, with
// openapi-typescript and openapi-fetch, and the life of a client at that
// product in its types: a name, a type or a path that is not in the document
// does not compile.
//
//	node typescript.mjs TABLE DIR

import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const [table, dir] = process.argv.slice(2);
const text = (value) => JSON.stringify(value);

// words stand for what an earlier answer gave.
const words = /^(ACCESS\d|REFRESH\d|USER)$/;
const value = (v) => (words.test(v) ? v : text(v));
const object = (o) => `{ ${Object.entries(o).map(([n, v]) => `${text(n)}: ${value(v)}`).join(", ")} }`;

const step = (product, s, i) => {
	const bearer = s.bearer ? `headers: { Authorization: \`Bearer \${${s.bearer}}\` }, ` : "";
	const params = [];
	if (Object.keys(product.headers).length) params.push(`header: ${object(product.headers)}`);
	if (s.params) params.push(`path: ${object(s.params)}`);
	const form = s.form ? `, body: ${object(s.form)}, bodySerializer: form` : "";
	const answer = `answer${i}`;
	let code = `
	// ${s.name}
	const ${answer} = await client.${s.method}(${text(s.template)}, { ${bearer}params: { ${params.join(", ")} }${form} });
	expect(${text(s.name)}, ${answer}.response.status, ${s.status});
`;
	for (const [word, [first, ...more]] of Object.entries(s.keeps ?? {})) {
		// Where there are several kinds of success, only one of them has it.
		code += `	if (!${answer}.data || !(${text(first)} in ${answer}.data)) throw new Error(${text(s.name + ": no " + first)});
	const ${word} = must(${answer}.data[${text(first)}]${more.map((m) => `?.[${text(m)}]`).join("")});
`;
	}
	return code;
};

await mkdir(dir, { recursive: true });
const products = JSON.parse(await readFile(table, "utf8"));
for (const product of products) {
	await writeFile(`${dir}/${product.id}.d.ts`, astToString(await openapiTS(product.document)));
	await writeFile(`${dir}/${product.id}-life.ts`, `import createClient from "openapi-fetch";
import type { paths } from "./${product.id}.js";
import { expect, form, must } from "./life.js";

export async function live(): Promise<void> {
	const client = createClient<paths>({ baseUrl: ${text(product.url)} });
${product.life.map((s, i) => step(product, s, i)).join("")}}
`);
}
await writeFile(`${dir}/life.ts`, `
export const form = (body: object): URLSearchParams => new URLSearchParams(Object.entries(body));
export const must = (value: string | undefined): string => {
	if (!value) throw new Error("the answer lacks what it must give");
	return value;
};
export const expect = (name: string, got: number, want: number): void => {
	if (got !== want) throw new Error(\`\${name}: got \${got}, want \${want}\`);
};
`);
await writeFile(`${dir}/main.ts`, `
${products.map((p) => `import { live as ${p.id} } from "./${p.id}-life.js";`).join("\n")}

let failed = 0;
const lives = { ${products.map((p) => p.id).join(", ")} };
for (const [id, live] of Object.entries(lives))
	await live().catch((e) => { failed++; console.error(\`openapi-fetch: \${id}: \${e}\`); });
console.log(\`openapi-fetch: \${Object.keys(lives).length - failed} products\`);
if (failed) throw new Error("some failed");
`);
await writeFile(`${dir}/package.json`, text({ type: "module" }));
await writeFile(`${dir}/tsconfig.json`, text({
	compilerOptions: { strict: true, noUncheckedIndexedAccess: true, target: "ES2022", module: "NodeNext", lib: ["ES2022", "DOM"], types: [], outDir: "out" },
	include: ["*.ts"],
}));
