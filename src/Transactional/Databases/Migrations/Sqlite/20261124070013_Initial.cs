using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.Sqlite
{
    /// <inheritdoc />
    public partial class Initial : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "inbox",
                columns: table => new
                {
                    key_digest = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    client = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    operation = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    idempotency_key = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    fingerprint = table.Column<byte[]>(type: "BLOB", maxLength: 32, nullable: false),
                    claim_id = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    claimed_at_ms = table.Column<long>(type: "INTEGER", nullable: false),
                    status = table.Column<string>(type: "TEXT", maxLength: 32, nullable: true),
                    result = table.Column<string>(type: "TEXT", nullable: true),
                    completed_at_ms = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_inbox", x => x.key_digest);
                    table.CheckConstraint("ck_inbox_outcome", "(status IS NULL AND completed_at_ms IS NULL) OR (status IS NOT NULL AND completed_at_ms IS NOT NULL)");
                });

            migrationBuilder.CreateTable(
                name: "outgoing_messages",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    destination = table.Column<string>(type: "TEXT", maxLength: 300, nullable: false),
                    message_type = table.Column<string>(type: "TEXT", maxLength: 300, nullable: false),
                    body = table.Column<string>(type: "TEXT", nullable: false),
                    client = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    idempotency_key = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    fingerprint = table.Column<byte[]>(type: "BLOB", maxLength: 32, nullable: true),
                    accepted_at_ms = table.Column<long>(type: "INTEGER", nullable: false),
                    trace_parent = table.Column<string>(type: "TEXT", maxLength: 64, nullable: true),
                    attempts = table.Column<long>(type: "INTEGER", nullable: false),
                    leased_until_ms = table.Column<long>(type: "INTEGER", nullable: false),
                    last_error = table.Column<string>(type: "TEXT", maxLength: 1000, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_outgoing_messages", x => x.id);
                });

            migrationBuilder.CreateTable(
                name: "parked_messages",
                columns: table => new
                {
                    id = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    content_digest = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    key_digest = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: true),
                    queue = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    operation = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    client = table.Column<string>(type: "TEXT", nullable: true),
                    idempotency_key = table.Column<string>(type: "TEXT", nullable: true),
                    fingerprint = table.Column<byte[]>(type: "BLOB", maxLength: 32, nullable: true),
                    reason = table.Column<string>(type: "TEXT", maxLength: 32, nullable: false),
                    error = table.Column<string>(type: "TEXT", nullable: false),
                    message_id = table.Column<string>(type: "TEXT", nullable: true),
                    content_type = table.Column<string>(type: "TEXT", nullable: true),
                    headers = table.Column<string>(type: "TEXT", nullable: false),
                    body = table.Column<byte[]>(type: "BLOB", nullable: false),
                    delivery_count = table.Column<long>(type: "INTEGER", nullable: false),
                    parked_at_ms = table.Column<long>(type: "INTEGER", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_parked_messages", x => x.id);
                    table.CheckConstraint("ck_parked_messages_reason", "reason IN ('malformed', 'unsupported-content-type', 'key-missing', 'key-invalid', 'conflict', 'too-late', 'poison')");
                });

            migrationBuilder.CreateTable(
                name: "submissions",
                columns: table => new
                {
                    key_digest = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    id = table.Column<byte[]>(type: "BLOB", maxLength: 16, nullable: false),
                    client = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    operation = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    idempotency_key = table.Column<string>(type: "TEXT", maxLength: 255, nullable: false),
                    fingerprint = table.Column<byte[]>(type: "BLOB", maxLength: 32, nullable: false),
                    destination = table.Column<string>(type: "TEXT", maxLength: 300, nullable: false),
                    message_type = table.Column<string>(type: "TEXT", maxLength: 300, nullable: false),
                    body = table.Column<string>(type: "TEXT", nullable: false),
                    acceptance = table.Column<string>(type: "TEXT", nullable: false),
                    accepted_at_ms = table.Column<long>(type: "INTEGER", nullable: false),
                    trace_parent = table.Column<string>(type: "TEXT", maxLength: 64, nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_submissions", x => x.key_digest);
                });

            migrationBuilder.CreateIndex(
                name: "ix_inbox_claimed_at_ms",
                table: "inbox",
                column: "claimed_at_ms");

            migrationBuilder.CreateIndex(
                name: "ix_parked_messages_content_digest",
                table: "parked_messages",
                column: "content_digest");

            migrationBuilder.CreateIndex(
                name: "ix_parked_messages_key_digest",
                table: "parked_messages",
                column: "key_digest");

            migrationBuilder.CreateIndex(
                name: "ix_submissions_accepted_at_ms",
                table: "submissions",
                column: "accepted_at_ms");

            migrationBuilder.CreateIndex(
                name: "ix_submissions_id",
                table: "submissions",
                column: "id",
                unique: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "inbox");

            migrationBuilder.DropTable(
                name: "outgoing_messages");

            migrationBuilder.DropTable(
                name: "parked_messages");

            migrationBuilder.DropTable(
                name: "submissions");
        }
    }
}
