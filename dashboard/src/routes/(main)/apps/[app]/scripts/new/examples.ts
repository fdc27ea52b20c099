/** What a new script can begin with. Each runs as it is. */
export const examples: { label: string; name: string; source: string }[] = [
	{
		label: 'Hello',
		name: 'hello',
		source: `// Answers GET /hello?name=Ada
fn handle(req) {
    let name = req.query.name ?? "world";
    log::info(\`greeting \${name}\`);
    \`Hello, \${name}!\`
}
`,
	},
	{
		label: 'JSON API',
		name: 'notes',
		source: `// Keeps notes: POST /notes with JSON adds one, GET /notes lists them.
fn handle(req) {
    switch req.method {
        "GET" => kv::entries("note:").map(|e| e.value),
        "POST" => {
            let note = req.json();
            kv::set(\`note:\${uuid::v7()}\`, note);
            response(201, note)
        }
        _ => throw #{ status: 405, message: "GET or POST" }
    }
}
`,
	},
	{
		label: 'Counter',
		name: 'counter',
		source: `// Counts its calls, without losing one.
fn handle(req) {
    #{ calls: kv::incr("calls") }
}
`,
	},
	{ label: 'Nothing', name: 'script', source: '' },
];
