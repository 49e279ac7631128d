using System.Diagnostics;

namespace Messaging.Cli;

/// <summary>
/// Programs that are started in a session of their own, where there is <c>setsid</c> (Linux): Ctrl-C on the terminal reaches us, who heal
/// first, and not them.
/// </summary>
internal static class OwnSession
{
    private const string SetSid = "/usr/bin/setsid";

    /// <summary>With all three streams redirected.</summary>
    public static ProcessStartInfo Of(string program, IEnumerable<string> arguments)
    {
        string[] command = File.Exists(SetSid) ? [SetSid, program, .. arguments] : [program, .. arguments];
        return new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
    }
}
