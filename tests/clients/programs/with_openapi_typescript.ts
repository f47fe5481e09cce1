// The same with openapi-typescript and openapi-fetch; prints what it saw as JSON. Usage: node … URL

import createClient from "openapi-fetch";
import type { paths } from "./inventory.js";

const client = createClient<paths>({ baseUrl: process.argv[2]! });
const tea = { storeId: "store-1", sku: "tea" };

/** The body of a 2xx. */
function done<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

/** The problem of a refusal. */
function refused<E>(answer: { data?: unknown; error?: E }): E {
  if (answer.error === undefined) throw new Error(`not refused: ${JSON.stringify(answer.data)}`);
  return answer.error;
}

async function shop() {
  const counted = done(
    await client.PUT("/stores/{storeId}/inventory/{sku}", {
      params: { path: tea, header: { "If-None-Match": "*" } },
      body: { onHand: 10 },
    }),
  );
  const sold = done(
    await client.POST("/stores/{storeId}/inventory/{sku}/adjust", {
      params: { path: tea, header: { "Idempotency-Key": "sale-1", "If-Match": '"1"' } },
      body: { delta: -2 },
    }),
  );
  const reserved = done(
    await client.POST("/stores/{storeId}/inventory/{sku}/reserve", {
      params: { path: tea },
      body: { qty: 1, ttlMs: 60_000 },
    }),
  );
  const held = done(
    await client.POST("/reservations", { body: { lines: [{ ...tea, qty: 3 }], reference: "order-7" } }),
  );
  const path = { reservationId: held.reservationId };
  const committed = done(await client.POST("/reservations/{reservationId}/commit", { params: { path }, body: {} }));
  const moved = done(
    await client.POST("/transfers", { body: { from: "store-1", to: "store-2", lines: [{ sku: "tea", qty: 2 }] } }),
  );
  const before = done(
    await client.GET("/stores/{storeId}/inventory/{sku}", {
      params: { path: tea, query: { asOf: counted.updatedAt } },
    }),
  );
  return {
    reservationId: held.reservationId,
    seen: {
      counted: [counted.onHand, counted.version],
      sold: [sold.qty, sold.version],
      reserved: [reserved.reservationId !== "", (reserved.expiresAt ?? "") > reserved.updatedAt],
      held: [held.state, held.lines.map((line) => line.qty), held.expiresAt, held.reference],
      committed: [committed.state, committed.lines.map((line) => line.committed)],
      asOf: [before.onHand, before.version],
      moved: moved.records.map((record) => [record.storeId, record.qty]),
    },
  };
}

const adjust = async (delta: number, header = {}) =>
  refused(
    await client.POST("/stores/{storeId}/inventory/{sku}/adjust", { params: { path: tea, header }, body: { delta } }),
  );

/** What a refusal says beyond its code: the compiler knows the members of each. */
function told(problem: Awaited<ReturnType<typeof adjust>>): unknown {
  switch (problem.error) {
    case "insufficient_stock":
      return problem.lines.map((line) => [line.sku, line.available]);
    case "version_conflict":
      return problem.currentVersion;
    case "idempotency_conflict":
      return problem.key;
    case "wrong_state":
      return problem.state;
    case "validation_error":
      return problem.errors?.map((wrong) => wrong.field);
    default:
      return problem.nextStep;
  }
}

async function refusals(reservationId: string) {
  const short = await adjust(-1000);
  const moved = await adjust(-1, { "If-Match": '"1"' });
  const reused = await adjust(-3, { "Idempotency-Key": "sale-1" });
  const ended = refused(
    await client.POST("/reservations/{reservationId}/release", { params: { path: { reservationId } }, body: {} }),
  );
  const wrong = await adjust(0);
  const missing = refused(
    await client.GET("/stores/{storeId}/inventory/{sku}", { params: { path: { ...tea, sku: "coffee" } } }),
  );
  return {
    refused: [short, moved, reused, ended, wrong, missing].map((problem) => [problem.error, problem.status]),
    short: told(short),
    currentVersion: told(moved),
    key: told(reused),
    ended: ended.error === "wrong_state" ? ended.state : null,
    wrong: told(wrong),
  };
}

async function batch() {
  const operations = [-1, -99].map((delta) => ({ op: "adjust" as const, ...tea, delta }));
  const { results } = done(await client.POST("/inventory/batch", { body: { atomic: false, operations } }));
  return {
    batch: results.flatMap((result): unknown[] =>
      "record" in result ? [result.status, result.record.qty] : [result.status, result.error, result.available],
    ),
  };
}

async function followed() {
  const types: string[] = [];
  for (let after = "0"; ; ) {
    const page = done(await client.GET("/events", { params: { query: { after, limit: 2 } } }));
    if (page.items.length === 0) break;
    types.push(...page.items.map((event) => event.type));
    after = page.nextCursor;
  }
  const versions: number[] = [];
  for (let cursor: string | undefined; ; ) {
    const query = { limit: 4, ...(cursor === undefined ? {} : { cursor }) };
    const page = done(
      await client.GET("/stores/{storeId}/inventory/{sku}/history", { params: { path: tea, query } }),
    );
    versions.push(...page.items.map((step) => step.version));
    if (page.nextCursor === null) break;
    cursor = page.nextCursor;
  }
  const listed = done(await client.GET("/reservations", {}));
  return { types, versions, reservations: listed.items.map((one) => one.state) };
}

const { reservationId, seen } = await shop();
console.log(JSON.stringify({ ...seen, ...(await refusals(reservationId)), ...(await batch()), ...(await followed()) }));
