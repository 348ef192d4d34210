// The schema and the statements of the peers whose resolvers are written by hand, Mercurius and Apollo Server: the same
// for both. Statements are prepared by name; lists of a level are gathered into one statement.

export const typeDefs = `
  type Query { user(id: ID!): User project(id: ID!): Project projects(first: Int!): [Project!]! }
  type Mutation {
    recordAction(input: RecordActionInput!): Recorded!
    donateEnergy(input: DonateEnergyInput!): Donated!
  }
  type User {
    id: ID! createdAt: String! balance: Balance!
    actions(first: Int!): [Action!]! donations(first: Int!): [Donation!]!
  }
  type Balance { available: Float! }
  type Action { id: ID! type: String! quantity: Float! startedAt: String! credited: Float! status: String! }
  type Donation { id: ID! amount: Float! createdAt: String! project: Project! }
  type Text { zh: String! en: String! }
  type Project {
    id: ID! code: String! name: Text! category: String! status: String! goal: Float
    organisations: [Organisation!]!
  }
  type Organisation { role: String! partner: Partner! }
  type Partner { id: ID! slug: String! name: Text! }
  input RecordActionInput {
    idempotencyKey: String! userId: ID! partnerId: ID! type: String! quantity: Float! startedAt: String! endedAt: String!
  }
  input DonateEnergyInput { idempotencyKey: String! userId: ID! partnerId: ID! projectId: ID! grams: Float! }
  type Recorded { action: RecordedAction! balance: Balance! replayed: Boolean! }
  type RecordedAction { id: ID! credited: Float! status: String! }
  type Donated { donation: DonatedDonation! balance: Balance! replayed: Boolean! }
  type DonatedDonation { id: ID! amount: Float! }
`;

const PROJECT = "id, code, name_zh, name_en, category, status, goal_g";
const project = (row) => ({
  id: row.id,
  code: row.code,
  name: { zh: row.name_zh, en: row.name_en },
  category: row.category,
  status: row.status,
  goal: row.goal_g,
});
const iso = (date) => date.toISOString();
const unique = (values) => [...new Set(values)];

export function makeService(pg, { DATABASE_URL, POOL = "16", DONATE = "donate" }) {
  // Counts are far below 2^53.
  pg.types.setTypeParser(pg.types.builtins.INT8, Number);
  const pool = new pg.Pool({ connectionString: DATABASE_URL, max: Number(POOL), min: Number(POOL) });
  const ask = async (name, text, values) => (await pool.query({ name, text, values })).rows;

  const resolvers = {
    Query: {
      async user(_, { id }) {
        const [row] = await ask(
          "user",
          `SELECT u.id, u.created_at, a.credited - a.debited - a.held AS available
           FROM "user" u JOIN account a ON a.user_id = u.id WHERE u.id = $1`,
          [id],
        );
        return row && { id: row.id, createdAt: iso(row.created_at), balance: { available: row.available } };
      },
      async project(_, { id }) {
        const [row] = await ask("project", `SELECT ${PROJECT} FROM project WHERE id = $1`, [id]);
        return row && project(row);
      },
      async projects(_, { first }) {
        return (await ask("projects", `SELECT ${PROJECT} FROM project ORDER BY id LIMIT $1`, [first])).map(project);
      },
    },
    User: {
      // A query has one user, so there is nothing to gather.
      async actions({ id }, { first }) {
        const rows = await ask(
          "actions",
          `SELECT id, type, quantity, started_at, credited_g, status FROM action
           WHERE user_id = $1 ORDER BY id DESC LIMIT $2`,
          [id, first],
        );
        return rows.map((row) => ({
          id: row.id,
          type: row.type,
          quantity: row.quantity,
          startedAt: iso(row.started_at),
          credited: row.credited_g,
          status: row.status,
        }));
      },
      async donations({ id }, { first }) {
        const rows = await ask(
          "donations",
          `SELECT id, amount_g, created_at, project_id FROM transfer
           WHERE user_id = $1 AND kind = 'DONATE' ORDER BY id DESC LIMIT $2`,
          [id, first],
        );
        return rows.map((row) => ({
          id: row.id,
          amount: row.amount_g,
          createdAt: iso(row.created_at),
          projectId: row.project_id,
        }));
      },
    },
    Mutation: {
      async recordAction(_, { input }) {
        const [row] = await ask("record", "SELECT * FROM record_action($1, $2, $3, $4, $5, $6, $7)", [
          input.userId,
          input.partnerId,
          input.idempotencyKey,
          input.type,
          input.quantity,
          input.startedAt,
          input.endedAt,
        ]);
        return {
          action: { id: row.id, credited: row.credited, status: row.status },
          balance: { available: row.available },
          replayed: row.replayed,
        };
      },
      async donateEnergy(_, { input }) {
        const [row] = await ask("donate", `SELECT * FROM ${DONATE}($1, $2, $3, $4, $5)`, [
          input.userId,
          input.partnerId,
          input.projectId,
          input.grams,
          input.idempotencyKey,
        ]);
        return {
          donation: { id: row.id, amount: row.amount },
          balance: { available: row.available },
          replayed: row.replayed,
        };
      },
    },
  };

  // Each takes keys and returns what belongs to them, in order.
  const batches = {
    async projects(ids) {
      const rows = await ask("projects-by-id", `SELECT ${PROJECT} FROM project WHERE id = ANY($1)`, [unique(ids)]);
      const found = new Map(rows.map((row) => [row.id, project(row)]));
      return ids.map((id) => found.get(id));
    },
    async organisations(ids) {
      const rows = await ask(
        "organisations",
        "SELECT project_id, role, partner_id FROM project_organisation WHERE project_id = ANY($1) ORDER BY id",
        [ids],
      );
      const found = new Map(ids.map((id) => [id, []]));
      for (const row of rows) found.get(row.project_id).push({ role: row.role, partnerId: row.partner_id });
      return ids.map((id) => found.get(id));
    },
    async partners(ids) {
      const rows = await ask("partners", "SELECT id, slug, name_zh, name_en FROM partner WHERE id = ANY($1)", [
        unique(ids),
      ]);
      const found = new Map(
        rows.map((row) => [row.id, { id: row.id, slug: row.slug, name: { zh: row.name_zh, en: row.name_en } }]),
      );
      return ids.map((id) => found.get(id));
    },
  };
  return { resolvers, batches };
}
