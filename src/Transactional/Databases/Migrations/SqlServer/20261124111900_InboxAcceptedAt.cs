using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.SqlServer
{
    /// <inheritdoc />
    public partial class InboxAcceptedAt : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<long>(
                name: "accepted_at_ms",
                table: "inbox",
                type: "bigint",
                nullable: false,
                defaultValue: 0L);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "accepted_at_ms",
                table: "inbox");
        }
    }
}
