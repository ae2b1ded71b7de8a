// Generate TypeScript from the published description with two generators, and type-check a use of the person.
//
// node generate_types.mjs DESCRIPTION FOLDER [wrong]: with `wrong` the use has a mistake that the types must find.
import { createClient } from "@hey-api/openapi-ts";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const [description, folder, wrong] = process.argv.slice(2);
const born = wrong ? "20040309" : '"2004-03-09"';
const body = `{
    subject: { nhs_number: "969 129 2211", family_name: "Reed", birth_date: ${born}, address: { postcode: "ZE7 1QB" } },
    purpose: "early-help",
    reason: "A meeting.",
    case_ref: "CF-2291",
}`;

mkdirSync(folder, { recursive: true });
const document = JSON.parse(readFileSync(description, "utf-8"));
writeFileSync(join(folder, "schema.ts"), astToString(await openapiTS(document)));
writeFileSync(
    join(folder, "one.ts"),
    `import type { components } from "./schema";
export const asked: components["schemas"]["LookupBody"] = ${body};
export const born: string | undefined = asked.subject.birth_date;
`,
);
await createClient({ input: description, output: join(folder, "client"), plugins: ["@hey-api/typescript"], logs: { level: "silent" } });
writeFileSync(
    join(folder, "two.ts"),
    `import type { LookupBody, Subject } from "./client/types.gen";
export const asked: LookupBody = ${body};
export const person: Subject = asked.subject;
`,
);

const program = ts.createProgram([join(folder, "one.ts"), join(folder, "two.ts")], {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
});
for (const found of ts.getPreEmitDiagnostics(program)) {
    const place = found.file ? found.file.fileName.split("/").pop() : "";
    console.log(`${place}: ${ts.flattenDiagnosticMessageText(found.messageText, " ")}`);
}
