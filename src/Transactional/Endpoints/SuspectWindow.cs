namespace Messaging.Transactional;

/// <summary>
/// A window on whose channel the broker gave up, because of one of its messages or of another window's: too large, or not allowed there. Sent
/// again by halves, each on a channel of its own beside that of the others, and a half whose channel is closed again by halves, so that exactly
/// what the broker refuses is refused and holds up nobody. What had arrived before arrives again: as often as it can be halved, at most.
/// </summary>
internal static class SuspectWindow
{
    /// <param name="shared">On the connection that is used.</param>
    /// <param name="messages">The window.</param>
    /// <param name="limit">For each part, as in <see cref="ConfirmedChannel.SendAsync"/>: a part that is not answered costs the others nothing.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    /// <exception cref="IOException">The connection broke; some of the messages may have arrived.</exception>
    public static async Task<SendResult[]> SendAsync(
        ConfirmedChannel shared, IReadOnlyList<OutgoingMessage> messages, TimeSpan limit, CancellationToken cancellationToken)
    {
        var results = new SendResult[messages.Count];
        var parts = new Stack<ArraySegment<OutgoingMessage>>(Halves(messages.ToArray()));
        while (parts.TryPop(out var part))
        {
            await using var channel = await shared.OpenAnotherAsync(cancellationToken);
            try
            {
                var answers = await channel.SendAsync(part, limit, cancellationToken);
                answers.CopyTo(results, part.Offset);
            }
            catch (Exception) when (channel.Refusal is not null && part.Count > 1)
            {
                Halves(part).ForEach(parts.Push);
            }
            catch (Exception) when (channel.Refusal is not null)
            {
                results[part.Offset] = new SendResult(SendOutcome.Refused, channel.Refusal.ReplyText);
            }
        }

        return results;
    }

    /// <summary>The second and the first: a stack gives them back in their order.</summary>
    private static List<ArraySegment<OutgoingMessage>> Halves(ArraySegment<OutgoingMessage> part) =>
        part.Count == 1 ? [part] : [part[(part.Count / 2)..], part[..(part.Count / 2)]];
}
