// What the SDKs for C and Go need of wasm-tools, from the library that is installed in
// $SLUICEGATE_TOOLS/node_modules:
//   componentize.mjs embed WIT-FILE WORLD CORE OUT   writes the component type into a core module
//   componentize.mjs new CORE OUT [NAME=ADAPTER]     makes a component of a module with its type
//   componentize.mjs parse WAT OUT                   makes a module of its text
//   componentize.mjs print WASM                      writes the text of a module or component
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const folder = process.env.SLUICEGATE_TOOLS;
if (!folder) fail('set SLUICEGATE_TOOLS to the folder that the tools script filled');
const { tools, $init } = await library();
await $init;

const [command, ...args] = process.argv.slice(2);
const commands = {
  async embed(wit, world, core, out) {
    const binary = await readFile(core);
    const witSource = await readFile(wit, 'utf8');
    await writeFile(out, tools.componentEmbed({ binary, witSource, world, stringEncoding: 'utf8' }));
  },
  async new(core, out, adapter) {
    const [name, file] = adapter ? adapter.split('=') : [];
    const adapters = adapter ? [[name, await readFile(file)]] : [];
    await writeFile(out, tools.componentNew(await readFile(core), adapters));
  },
  async parse(text, out) {
    await writeFile(out, tools.parse(await readFile(text, 'utf8')));
  },
  async print(file) {
    process.stdout.write(tools.print(await readFile(file)));
  },
};
if (!Object.hasOwn(commands, command)) fail(`unknown command ${command}`);
try {
  await commands[command](...args);
} catch (error) {
  fail(error.payload ?? error.message ?? String(error));
}

// The library keeps these functions in a part of its own that it does not export by name.
async function library() {
  try {
    const require = createRequire(pathToFileURL(`${folder}/`));
    const main = require.resolve('@bytecodealliance/jco-transpile/wasm-tools');
    return await import(new URL('../vendor/wasm-tools.js', pathToFileURL(main)));
  } catch (error) {
    fail(`no component tools in ${folder}: run sdk/componentize/tools (${error.message})`);
  }
}

function fail(why) {
  console.error(`componentize: ${why}`);
  process.exit(1);
}
