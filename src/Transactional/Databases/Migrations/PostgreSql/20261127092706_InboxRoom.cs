using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Messaging.Transactional.Migrations.PostgreSql
{
    /// <inheritdoc />
    public partial class InboxRoom : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AlterTable(
                name: "inbox")
                .Annotation("Npgsql:StorageParameter:fillfactor", 40);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AlterTable(
                name: "inbox")
                .OldAnnotation("Npgsql:StorageParameter:fillfactor", 40);
        }
    }
}
