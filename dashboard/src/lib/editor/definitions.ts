/** A function, a property or a constant that scripts can use. */
export type Item = {
	name: string;
	kind: 'function' | 'property' | 'constant';
	/** As it is declared: 'get(text: String, value: ?)'. */
	signature: string;
	/** The types of the parameters; of a property, of the thing that has it. */
	params: string[];
	doc: string;
};

/** All that scripts can call: what needs no module is under ''. */
export type Library = Map<string, Item[]>;

const declaration = /^(?:(fn)\s+(?:(get|set)\s+)?(\w+)\s*\((.*)\)|(const|let)\s+(\w+)\s*:\s*([^;]+))/;

/** Reads files in Rhai's format for definitions, as the server gives them. */
export function readDefinitions(files: { name: string; text: string }[]): Library {
	const library: Library = new Map([['', []]]);
	for (const f of files) readFile(library, f.name.startsWith('__') ? '' : f.name.replace(/\.d\.rhai$/, ''), f.text);
	return library;
}

function readFile(library: Library, name: string, text: string): void {
	const path = name ? [name] : [];
	let doc: string[] = [];
	for (const raw of text.split('\n')) {
		const line = raw.trim();
		const module = /^module\s+(\w+)\s*\{/.exec(line);
		if (line.startsWith('///')) doc.push(line.slice(3).trim());
		else if (module) path.push(module[1]!);
		else if (line === '}') path.pop();
		else {
			const item = readItem(line, doc.join('\n'));
			if (item) into(library, path.join('::')).push(item);
			doc = [];
		}
	}
}

function into(library: Library, path: string): Item[] {
	let list = library.get(path);
	if (!list) library.set(path, (list = []));
	return list;
}

function readItem(line: string, doc: string): Item | undefined {
	const m = declaration.exec(line);
	if (!m) return undefined;
	if (m[5]) return { name: m[6]!, kind: 'constant', signature: `${m[6]}: ${m[7]!.trim()}`, params: [], doc };
	if (m[2] === 'set') return undefined;
	const params = m[4] ? m[4].split(',').map((p) => p.slice(p.indexOf(':') + 1).trim()) : [];
	if (m[2] === 'get') return { name: m[3]!, kind: 'property', signature: m[3]!, params, doc };
	return { name: m[3]!, kind: 'function', signature: `${m[3]}(${m[4]})`, params, doc };
}

/** The functions that a source defines, with the comments above them. */
export function ownFunctions(source: string): Item[] {
	const found: Item[] = [];
	for (const m of source.matchAll(/((?:^[ \t]*\/\/\/.*\n)*)^[ \t]*(?:private\s+)?fn\s+(\w+)\s*\(([^)]*)\)/gm)) {
		const doc = m[1]!.replace(/^[ \t]*\/\/\/ ?/gm, '').trim();
		const params = m[3]!.split(',').map((p) => p.trim()).filter(Boolean);
		found.push({ name: m[2]!, kind: 'function', signature: `${m[2]}(${params.join(', ')})`, params: params.map(() => '?'), doc });
	}
	return found;
}

/** The names of variables, constants and parameters in a source. */
export function ownVariables(source: string): string[] {
	const names = new Set<string>();
	for (const m of source.matchAll(/\b(?:let|const|for)\s+\(?\s*([\w\s,]+?)\)?\s*(?:=|in\b|;)|\bfn\s+\w+\s*\(([^)]*)\)|\|([\w\s,]*)\|/g)) {
		for (const name of (m[1] ?? m[2] ?? m[3] ?? '').split(',')) {
			if (/^\s*[A-Za-z_]\w*\s*$/.test(name)) names.add(name.trim());
		}
	}
	return [...names];
}

/** The items of a name: the overloads of a function. */
export function lookUp(library: Library, module: string, name: string): Item[] {
	return (library.get(module) ?? []).filter((i) => i.name === name);
}
