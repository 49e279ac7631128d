using System.Reflection;
using Messaging.Transactional;

namespace Messaging.Database;

/// <summary>
/// There is not a SQL Server everywhere, but its grammar is: every statement that the engine can send is parsed. Whoever adds a
/// statement is told by <see cref="Every_statement_is_looked_at"/> to add it here.
/// </summary>
public sealed class StatementTests
{
    private static readonly SqlServerDialect Dialect = new("Server=nowhere");

    private static readonly ScopedKey Key = new("client", "operation", "key");

    private static readonly Dictionary<string, Func<Task<string>>> Statements = new()
    {
        ["InboxTable.ClaimAsync"] = () => RecordingCommand.OfAsync(c => InboxTable.ClaimAsync(Dialect, c, Guid.Empty, [Candidate()], [Guid.Empty], 1, lockWaitMilliseconds: 2_000, default)),
        ["InboxTable.StoreOutcomes"] = () => Built(c => InboxTable.StoreOutcomes(Dialect, c, [new Handled(Candidate(), Outcome.Completed("done"), null)])),
        ["FatalAttemptsTable.Count"] = () => Task.FromResult(FatalAttemptsTable.Count),
        ["FatalAttemptsTable.Add"] = () => Built(c => FatalAttemptsTable.Add(Dialect, c, Guid.Empty)),
        ["FatalAttemptsTable.Delete"] = () => Task.FromResult(FatalAttemptsTable.Delete),
        ["FatalAttemptsTable.TakeBack"] = () => Task.FromResult(FatalAttemptsTable.TakeBack),
        ["FatalAttemptsTable.Forget"] = () => Task.FromResult(FatalAttemptsTable.Forget),
        ["SubmissionsTable.InsertAsync"] = () => RecordingCommand.OfAsync(c =>
            SubmissionsTable.InsertAsync(Dialect, c, [(Guid.Empty, Message.Submission("k"))], 5_000, 1, ending: null, default)),
        ["SubmissionsTable.ChangeNothing"] = () => Task.FromResult(SubmissionsTable.ChangeNothing),
        ["SubmissionsTable.Find"] = () => Task.FromResult(SubmissionsTable.Find),
        ["SubmissionsTable.FindSettled"] = () => Built(c => SubmissionsTable.FindSettled(Dialect.Source(c, RowSet.OfIds("id", [Guid.Empty]), "d"))),
        ["SubmissionsTable.EndOfBite"] = () => Task.FromResult(SubmissionsTable.EndOfBite(Dialect)),
        ["OutgoingTable.InsertFor"] = () => Built(c => OutgoingTable.InsertFor(Dialect, "submissions AS s")),
        ["OutgoingTable.InsertForLostSubmissions"] = () => Task.FromResult(OutgoingTable.InsertForLostSubmissions(Dialect)),
        ["OutgoingTable.InsertForAllSubmissions"] = () => Task.FromResult(OutgoingTable.InsertForAllSubmissions(Dialect)),
        ["OutgoingTable.Insert"] = () => Built(c => OutgoingTable.Insert(Dialect, c, [OutgoingMessage.Of(Message.Submission("k"))])),
        ["OutgoingTable.Lease"] = () => Built(c => OutgoingTable.Lease(Dialect, c, 1, 1)),
        ["OutgoingTable.Delete"] = () => Built(c => OutgoingTable.Delete(Dialect, c, [Guid.Empty])),
        ["OutgoingTable.Defer"] = () => Built(c => OutgoingTable.Defer(Dialect, c, [(Guid.Empty, 1, "error")])),
        ["OutgoingTable.Measure"] = () => Task.FromResult(OutgoingTable.Measure),
        ["OutgoingTable.EndLeases"] = () => Task.FromResult(OutgoingTable.EndLeases),
        ["ParkedMessage.Insert"] = () => Built(c => ParkedMessage.Insert(Dialect, c, [ParkedMessage.Of(Message.OfProbe("k"), Candidate(), ParkingReason.Poison, "error")], 1)),
        ["RetentionTable.PickSettled"] = () => Task.FromResult(RetentionTable.PickSettled(Dialect)),
        ["RetentionTable.PickForeign"] = () => Task.FromResult(RetentionTable.PickForeign(Dialect)),
        ["RetentionTable.DeleteSubmissions"] = () => Built(c => RetentionTable.DeleteSubmissions(Dialect, c, [Guid.Empty])),
        ["RetentionTable.DeleteInbox"] = () => Built(c => RetentionTable.DeleteInbox(Dialect, c, [Guid.Empty])),
        ["SchemaHistoryTable.Applied"] = () => Task.FromResult(SchemaHistoryTable.Applied),
        ["RetentionTable.Oldest"] = () => Task.FromResult(RetentionTable.Oldest),
        ["Dialect.NowMilliseconds"] = () => Task.FromResult("SELECT " + Dialect.NowMilliseconds),
        ["Dialect.Source"] = () => Built(c => "SELECT * FROM " + Dialect.Source(c, EveryKind(), "s")),
        ["Dialect.InsertIfAbsent"] = () => Built(c => Dialect.InsertIfAbsent("t", "k", "k, v", Dialect.Source(c, EveryKind(), "s"), "s")),
        ["Dialect.Claim"] = () => Built(c => Dialect.Claim(new KeyClaim
        {
            Table = "t", Columns = "key_digest, text", Rows = Dialect.Source(c, EveryKind(), "c"), Asked = Dialect.Source(c, EveryKind(), "a"),
            Returning = "key_digest", Holder = "h.key_digest, h.text", Then = inserted => $"INSERT INTO u (k) SELECT s.id FROM {inserted}",
        })),
        ["Dialect.UpdateFrom"] = () => Built(c => Dialect.UpdateFrom("t", "v = s.text", Dialect.Source(c, EveryKind(), "s"), "t.k = s.id")),
        ["Dialect.UpdateClaimed"] = () => Built(c => Dialect.UpdateClaimed(c, "t", "v = u.text", RowSet.OfIds("key_digest", [Guid.Empty]))),
        ["Dialect.Counted"] = () => Task.FromResult(Dialect.Counted("UPDATE t SET v = 1")),
        ["Dialect.OneAfter"] = () => Task.FromResult("SELECT k FROM t ORDER BY k " + Dialect.OneAfter("@n")),
        ["Dialect.BoundLockWait"] = () => Task.FromResult(Dialect.BoundLockWait(100)),
        ["Dialect.ByIndex"] = () => Task.FromResult(Dialect.ByIndex("SELECT 1")),
        ["Dialect.LeaseOutgoing"] = () => Task.FromResult(Dialect.LeaseOutgoing(OutgoingMessage.Columns)),
        ["Dialect.LockSome"] = () => Task.FromResult(Dialect.LockSome("t.k", ["t AS t", "u AS u"], "u.k = t.k", "t.k")),
        ["Dialect.CountTables"] = () => Task.FromResult(Dialect.CountTables),
        ["Dialect.CountUniqueIndexes"] = () => Task.FromResult(Dialect.CountUniqueIndexes),
        ["SqlServerDialect.DelayedDurability"] = () => Task.FromResult(SqlServerDialect.DelayedDurability),
    };

    public static TheoryData<string> Names => [.. Statements.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_statement_is_Transact_SQL(string name) => TSql.AssertParses(name, await Statements[name]());

    [Fact]
    public void Every_statement_is_looked_at()
    {
        const BindingFlags all = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;
        var types = typeof(Dialect).Assembly.GetTypes().Where(t => t.Namespace == typeof(Dialect).Namespace && !t.IsDefined(typeof(System.Runtime.CompilerServices.CompilerGeneratedAttribute)));
        var builders = types.SelectMany(t => t.GetMethods(all).Where(m => m is { IsStatic: true, IsPrivate: false } && TakesDialect(m) && Gives(m.ReturnType))).Select(NameOf);
        var texts = types.Where(t => t.Name.EndsWith("Table", StringComparison.Ordinal))
            .SelectMany(t => t.GetMembers(all).Where(m => m is FieldInfo { IsPrivate: false } or MethodInfo { IsPrivate: false, ReturnType.Name: "String" })).Select(NameOf);
        var differences = typeof(Dialect).GetMembers(all).Where(m => m is PropertyInfo { PropertyType.Name: "String" } or MethodInfo { ReturnType.Name: "String", IsSpecialName: false })
            .Where(m => m.Name != nameof(Dialect.FindUnsafeConnection)).Select(NameOf);
        var own = typeof(SqlServerDialect).GetFields(all).Where(f => f is { IsLiteral: true, FieldType.Name: "String" }).Select(NameOf);

        Assert.Equal(builders.Concat(texts).Concat(differences).Concat(own).Distinct().Order(), Statements.Keys.Order());

        static bool TakesDialect(MethodInfo method) => method.GetParameters() is { Length: > 0 } parameters
            && parameters[0].ParameterType == typeof(Dialect) && parameters.All(p => p.ParameterType.Name != "DbDataReader");

        static bool Gives(Type type) => type == typeof(string) || typeof(Task).IsAssignableFrom(type);

        static string NameOf(MemberInfo member) => $"{member.DeclaringType!.Name}.{member.Name}";
    }

    private static async Task<string> Built(Func<RecordingCommand, string> build)
    {
        await using var command = new RecordingCommand();
        return build(command);
    }

    private static Candidate Candidate() => new(Key, Key.ToDigest(), Fingerprint.Of("operation", "{}"u8.ToArray()), default, new object(), null);

    private static RowSet EveryKind() => RowSet.Of([1], (set, rows) => set
        .Ids("id", rows, _ => Guid.Empty).Bytes("bytes", rows, _ => [1]).Text("text", rows, _ => "text").Numbers("number", rows, _ => 1));
}
