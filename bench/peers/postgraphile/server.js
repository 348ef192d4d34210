// PostGraphile as its documentation advises for production: the Amber preset with lists in place of connections where a
// plain list is asked for, no GraphiQL, no watching, no explaining, prepared statements kept for each connection.
import { createServer } from "node:http";
import { grafserv } from "postgraphile/grafserv/node";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const { DATABASE_URL, PORT, POOL = "16" } = process.env;

const preset = {
  extends: [PostGraphileAmberPreset],
  pgServices: [
    makePgService({
      connectionString: DATABASE_URL,
      schemas: ["public"],
      poolConfig: { max: Number(POOL), min: Number(POOL) },
    }),
  ],
  schema: { defaultBehavior: "connection list", pgForbidSetofFunctionsToReturnNull: false },
  grafast: { explain: false },
  grafserv: { port: Number(PORT), host: "127.0.0.1", graphiql: false, watch: false, websockets: false },
};

const instance = postgraphile(preset);
const server = createServer();
server.on("error", (error) => {
  console.error(error);
  process.exit(1);
});
await instance.createServ(grafserv).addTo(server);
server.listen(Number(PORT), "127.0.0.1");
if (process.env.PRINT_SCHEMA) {
  const { printSchema } = await import("graphql");
  console.log(printSchema(await instance.getSchema()));
}
