using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Messaging.Transactional;

/// <summary>
/// Text from strangers (headers, error messages) as every database takes it: U+0000, which PostgreSQL cannot store, is spelled out,
/// half a surrogate pair is replaced, and what is too long is cut. The body of a parked message keeps the bytes as they came.
/// </summary>
internal static class StorableText
{
    [return: NotNullIfNotNull(nameof(text))]
    public static string? Of(string? text, int maxLength = int.MaxValue)
    {
        if (text is null)
        {
            return null;
        }

        var spelled = text.Replace("\0", "\\0", StringComparison.Ordinal);
        return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(spelled.Length <= maxLength ? spelled : spelled[..maxLength]));
    }
}
