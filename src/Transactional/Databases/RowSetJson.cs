using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Messaging.Transactional;

/// <summary>
/// The rows as a JSON array of objects, for the two databases that read rows from JSON. Bytes are written as hex digits: that
/// both can turn back without guessing at an encoding.
/// </summary>
internal static class RowSetJson
{
    public static string Write(RowSet rows)
    {
        var buffer = new ArrayBufferWriter<byte>(256 * Math.Max(1, rows.Count));
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true }))
        {
            writer.WriteStartArray();
            for (var row = 0; row < rows.Count; row++)
            {
                writer.WriteStartObject();
                foreach (var column in rows.Columns)
                {
                    WriteValue(writer, column, row);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void WriteValue(Utf8JsonWriter writer, Column column, int row)
    {
        switch (column.Values)
        {
            case Guid[] ids:
                WriteId(writer, column.Name, ids[row]);
                break;
            case Guid?[] ids when ids[row] is { } id:
                WriteId(writer, column.Name, id);
                break;
            case byte[]?[] bytes when bytes[row] is { } value:
                writer.WriteString(column.Name, Convert.ToHexString(value));
                break;
            case string?[] texts when texts[row] is { } text:
                writer.WriteString(column.Name, text);
                break;
            case long[] numbers:
                writer.WriteNumber(column.Name, numbers[row]);
                break;
            case long?[] numbers when numbers[row] is { } number:
                writer.WriteNumber(column.Name, number);
                break;
            default:
                writer.WriteNull(column.Name);
                break;
        }
    }

    private static void WriteId(Utf8JsonWriter writer, string name, Guid id) => writer.WriteString(name, Convert.ToHexString(id.ToByteArray(bigEndian: true)));
}
