using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class FatalAttempts : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "fatal_attempts",
                columns: table => new
                {
                    key_digest = table.Column<byte[]>(type: "binary(16)", maxLength: 16, nullable: false),
                    attempts = table.Column<long>(type: "bigint", nullable: false),
                    attempted_at_ms = table.Column<long>(type: "bigint", nullable: false)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_fatal_attempts", x => x.key_digest);
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "fatal_attempts");
        }
    }
}
