// Takes the pictures that README.md shows: node test/dashboard/readme.ts. They
// are of a small shop that has been busy for a while.
import { mkdir } from 'node:fs/promises';
import { launch, Visitor } from './browser.ts';
import { eventually, Server } from './server.ts';

const images = new URL('../../docs/images/', import.meta.url).pathname;

const scripts = {
	orders: `// POST /orders takes an order, GET /orders/{id} shows it.
fn handle(req) {
    if req.method == "GET" {
        return kv::get(\`order:\${req.params.id}\`) ?? response(404, "no such order");
    }
    let order = req.json();
    if order.items.len() == 0 {
        throw #{ status: 422, message: "an order needs items" };
    }
    order.id = uuid::v7();
    order.total = order.items.map(|i| i.price * i.count).reduce(|a, b| a + b, 0);
    kv::set(\`order:\${order.id}\`, order);
    publish("order-placed", order);
    log::info("order placed", #{ id: order.id, total: order.total });
    response(201, order)
}
`,
	mail: `// Thanks for orders.
fn on_message(message) {
    let order = message.body;
    log::info(\`thanks, \${order.customer}\`);
    kv::incr("mails")
}
`,
	stock: `fn handle(req) {
    let left = kv::get("stock:" + req.query.item) ?? 12;
    #{ item: req.query.item, left: left }
}
`,
	report: `// The turnover of the day.
fn handle(req) {
    let day = req.query.day;
    let orders = kv::entries("order:");
    let sum = 0;
    for o in orders {
        sum += o.value.total;
    }
    #{ day: day, orders: orders.len(), turnover: sum.round() }
}
`,
};

const server = await Server.start();
const browser = await launch();
try {
	const call = await server.as();
	await call('POST', '/apps/default/deployments', {
		scripts: [
			{ name: 'orders', source: scripts.orders, routes: ['POST /orders', 'GET /orders/{id}'] },
			{ name: 'mail', source: scripts.mail, routes: [], settings: { subscriptions: [{ topic: 'order-placed' }] } },
			{ name: 'stock', source: scripts.stock },
			{ name: 'report', source: scripts.report },
		],
	});
	const order = JSON.stringify({ customer: 'Ada', items: [{ name: 'tea', price: 12, count: 2 }] });
	for (let i = 0; i < 120; i++) {
		const placed = await fetch(`${server.public}/orders`, { method: 'POST', body: order });
		if (placed.status !== 201) throw new Error(`an order is answered with ${placed.status}: ${JSON.stringify(await call('GET', '/apps/default/invocations?script=orders&limit=1'))}`);
		await placed.text();
		for (let n = 0; n < i % 5; n++) await (await fetch(`${server.public}/stock?item=tea`)).text();
	}
	for (let i = 0; i < 3; i++) await (await fetch(`${server.public}/report?day=today`)).text();
	await eventually('the mails are sent', async () => (await call('GET', '/apps/default/invocations?script=mail&limit=1000')).invocations.length >= 100);

	const v = await Visitor.open(browser, server);
	await mkdir(images, { recursive: true });
	await v.page.setViewportSize({ width: 1360, height: 800 });
	await v.signIn();
	const picture = async (name: string): Promise<void> => {
		await v.settled();
		await v.painted();
		await v.page.screenshot({ path: `${images}${name}.png` });
	};
	await v.go('/apps/default');
	await v.page.locator('canvas').first().waitFor();
	await picture('overview');
	await v.go('/apps/default/scripts/orders');
	await v.page.getByLabel('Method').selectOption('POST');
	await v.page.getByLabel('Path').fill('/orders');
	await v.page.getByLabel('Body').fill('{"customer": "Ada",\n "items": [{"name": "tea", "price": 12, "count": 2}]}');
	await v.page.getByRole('button', { name: 'Send' }).click();
	await v.page.getByRole('region', { name: 'Answer' }).waitFor();
	await v.page.emulateMedia({ colorScheme: 'dark' });
	await v.page.evaluate(() => scrollTo(0, 0));
	await picture('script');
	await v.page.emulateMedia({ colorScheme: 'light' });
	await v.go('/apps/default/invocations?script=report');
	await v.page.getByRole('row').nth(1).getByRole('link').first().click();
	await v.page.getByRole('heading', { level: 1 }).waitFor();
	await picture('invocation');
	await v.close();
} finally {
	await browser.close();
	await server.stop();
}
