import adapter from '@sveltejs/adapter-static';
import { sveltekit } from '@sveltejs/kit/vite';
import tailwindcss from '@tailwindcss/vite';
import { defineConfig } from 'vite';

export default defineConfig({
	plugins: [
		tailwindcss(),
		sveltekit({
			// scripts/pack.ts compresses what is built and moves it to dist.
			adapter: adapter({ pages: 'build', assets: 'build', fallback: 'index.html', precompress: false }),
			compilerOptions: { runes: true },
		}),
	],
	build: { target: 'es2023', chunkSizeWarningLimit: 700, rolldownOptions: { checks: { pluginTimings: false } } },
	server: {
		// make run is on the other side; npm run dev is for working on the pages.
		proxy: { '^/(api|login|healthz|readyz)': { target: process.env['PICLOUD_ADMIN'] ?? 'http://127.0.0.1:8081' } },
	},
	test: { include: ['src/**/*.test.ts'], environment: 'node' },
} as Parameters<typeof defineConfig>[0]);
