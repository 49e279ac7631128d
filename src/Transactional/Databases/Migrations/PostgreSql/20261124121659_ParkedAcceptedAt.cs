using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.PostgreSql
{
    /// <inheritdoc />
    public partial class ParkedAcceptedAt : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "accepted_at_ms",
                table: "parked_messages",
                type: "bigint",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "accepted_at_ms",
                table: "parked_messages");
        }
    }
}
