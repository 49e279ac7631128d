using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.Sqlite
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
                type: "INTEGER",
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
